package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// builder carries out one Dockerfile.
type builder struct {
	store   *Store
	options Options
	arch    string
	build   *coldstart.Build
	file    *dockerfile
	context *contextSource
	global  []string       // arguments before the first FROM
	stages  map[int]*stage // those that are built
	folders []*contextSource
	others  map[otherBuild]*stage // the images of other services
	temp    *spooler              // of stages and archives that are copied from
	epoch   *int64                // SOURCE_DATE_EPOCH in seconds; nil if it is not set
}

func newBuilder(s *Store, o Options, arch string, build *coldstart.Build) *builder {
	return &builder{
		store: s, options: o, arch: arch, build: build,
		stages: map[int]*stage{}, others: map[otherBuild]*stage{}, temp: &spooler{store: s},
	}
}

// Build builds the image of a variant whose Build is set, enters it in the store and
// returns it with the variant's changes applied. Equal inputs give the same image
// ID, unless the store has an image that differs in times only: that one is used.
// An error names the Dockerfile and the line; it wraps ErrNeedsEngine if only an
// engine can build it.
func (s *Store) Build(ctx context.Context, v coldstart.Variant, o Options) (img coldstart.Image, err error) {
	defer wrap(&err, "building %s", v.Name)
	if v.Build == nil {
		return img, errors.New("there is no build")
	}
	arch, err := architecture(v, o)
	if err != nil {
		return img, err
	}
	o.Unpack = false // of what it is built on
	b := newBuilder(s, o, arch, v.Build)
	defer b.close()
	final, err := b.run(ctx)
	if err != nil {
		return img, err
	}
	c, err := b.finish(ctx, v.Name, final)
	if err != nil {
		return img, err
	}
	c.entry = c.desc
	c.entry.Platform = &v1.Platform{OS: "linux", Architecture: arch}
	c.entry.Annotations = map[string]string{
		annotationSource:  sourceBuild,
		annotationVariant: v.Name,
		annotationBase:    final.base,
		annotationBuilder: b.version(),
	}
	if err := s.record(c.entry); err != nil {
		return img, err
	}
	if img, err = s.facts(ctx, c); err != nil {
		return img, err
	}
	img.Base = final.base
	return Apply(img, v), nil
}

// run parses, checks and builds the stages; it returns the last one.
func (b *builder) run(ctx context.Context) (*stage, error) {
	var err error
	if b.file, err = parseDockerfile(b.build); err != nil {
		return nil, err
	}
	for _, key := range b.file.unused(b.build.Args) {
		b.options.say("%s: no ARG declares the build argument %s", b.file.name, key)
	}
	if b.global, err = b.file.globalArgs(b.build.Args, b.arch); err != nil {
		return nil, err
	}
	if b.epoch, err = sourceDateEpoch(b.build.Args, b.global); err != nil {
		return nil, err
	}
	target, err := b.file.target(b.build.Target)
	if err != nil {
		return nil, err
	}
	b.replaceStages()
	needed, err := b.file.needed(target, b.global)
	if err != nil {
		return nil, err
	}
	if err := b.check(needed); err != nil {
		return nil, err
	}
	if b.context, err = openContext(b.build.Context, b.build.Dockerfile); err != nil {
		return nil, err
	}
	for _, i := range needed {
		if b.stages[i], err = b.stage(ctx, i); err != nil {
			return nil, err
		}
	}
	final := b.stages[target]
	final.label(b.build.Labels)
	if got := final.config.Architecture; got != b.arch {
		return nil, fmt.Errorf("%s: the last stage is for linux/%s, not linux/%s", b.file.name, got, b.arch)
	}
	return final, nil
}

func (b *builder) close() {
	if b.context != nil {
		b.context.root.Close()
	}
	b.temp.close()
	for _, f := range b.folders {
		f.root.Close()
	}
}

// stage is an image being built.
type stage struct {
	config *v1.ConfigFile
	when   v1.Time // of the image and the lines of its history
	layers []layer
	media  types.MediaType // of the manifest: OCI's or Docker's
	base   string          // the reference at the bottom, "scratch" for none
	tree   *tree
	args   []string // declared arguments, KEY=VALUE
	cmdSet bool
}

func (b *builder) stage(ctx context.Context, i int) (*stage, error) {
	from := b.file.stages[i]
	st, err := b.from(ctx, i)
	if err != nil {
		return nil, b.file.at(from.Location, err)
	}
	if err := b.triggers(ctx, st, i); err != nil {
		return nil, err
	}
	for _, command := range from.Commands {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := b.command(ctx, st, i, command); err != nil {
			return nil, b.file.at(command.Location(), err)
		}
	}
	return st, nil
}

// triggers carries out the ONBUILD instructions of a stage's base.
func (b *builder) triggers(ctx context.Context, st *stage, i int) error {
	list := st.config.Config.OnBuild
	st.config.Config.OnBuild = nil
	where := b.file.stages[i].Location
	for _, text := range list {
		command, err := parseTrigger(text)
		if err == nil {
			if what := b.needsEngine(command, i); what != "" {
				return b.file.refuse(where, "the base's ONBUILD "+what)
			}
			err = b.command(ctx, st, i, command)
		}
		if err != nil {
			return b.file.at(where, fmt.Errorf("ONBUILD %s: %w", text, err))
		}
	}
	return nil
}

// from starts a stage on what its FROM names.
func (b *builder) from(ctx context.Context, i int) (*stage, error) {
	st, err := b.base(ctx, i)
	if err != nil {
		return nil, err
	}
	st.when = b.when()
	// Both of Docker's builders write it into the image.
	if _, ok := lookupEnv(st.config.Config.Env, "PATH"); !ok {
		st.config.Config.Env = append(st.config.Config.Env, "PATH="+defaultPath)
	}
	return st, nil
}

// defaultPath is the PATH of an image whose base sets none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// base returns the stage or image that a FROM names, as it is.
func (b *builder) base(ctx context.Context, i int) (*stage, error) {
	name, err := b.file.expand(b.file.stages[i].BaseName, b.global)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("FROM %s: the name is empty after expansion", b.file.stages[i].BaseName)
	}
	arch := b.arch
	if p := b.file.stages[i].Platform; p != "" {
		if p, err = b.file.expand(p, b.global); err != nil {
			return nil, err
		}
		if arch, err = archOf(p); err != nil {
			return nil, fmt.Errorf("FROM --platform: %w", err)
		}
	}
	if j := b.file.find(name, i); j >= 0 {
		return b.stages[j].child(), nil
	}
	if c, ok := b.named(name); ok {
		return b.fromContext(ctx, name, c, arch)
	}
	if name == "scratch" {
		return scratch(arch), nil
	}
	return b.fromImage(ctx, name, arch)
}

func scratch(arch string) *stage {
	return &stage{
		config: &v1.ConfigFile{Architecture: arch, OS: "linux", RootFS: v1.RootFS{Type: "layers"}},
		media:  types.DockerManifestSchema2,
		base:   "scratch",
		tree:   newTree(),
	}
}

func (b *builder) fromImage(ctx context.Context, name, arch string) (*stage, error) {
	c, err := b.store.find(ctx, name, arch, b.options)
	if err != nil {
		return nil, err
	}
	st := &stage{config: c.config.DeepCopy(), layers: c.layers, media: c.manifest.MediaType, base: name}
	// What is left of the machine that built the base says nothing of ours.
	st.config.Container, st.config.Config.Hostname, st.config.Config.Image = "", "", ""
	if st.tree, err = b.store.treeOf(ctx, c.layers); err != nil {
		return nil, err
	}
	return st, nil
}

// child returns a stage that starts where another ended.
func (s *stage) child() *stage {
	return &stage{
		config: s.config.DeepCopy(),
		layers: slices.Clone(s.layers),
		media:  s.media,
		base:   s.base,
		tree:   s.tree.clone(),
	}
}

// treeOf returns the file system that layers come to.
func (s *Store) treeOf(ctx context.Context, layers []layer) (*tree, error) {
	t := newTree()
	for n, l := range layers {
		info, err := s.inspect(ctx, l)
		if err != nil {
			return nil, err
		}
		t.apply(info, n)
	}
	return t, nil
}

// add puts files on top as a layer, and a line in the history either way.
func (b *builder) add(ctx context.Context, st *stage, items []item, line string) error {
	if len(items) == 0 {
		st.note(line)
		return nil
	}
	b.settle(items)
	l, err := b.store.writeLayer(ctx, items, layerKind(st.media))
	if err != nil {
		return err
	}
	info, err := b.store.inspect(ctx, l)
	if err != nil {
		return err
	}
	st.tree.apply(info, len(st.layers))
	for _, it := range items {
		if it.made {
			n := st.tree.nodes[it.Name]
			n.made = true
			st.tree.nodes[it.Name] = n
		}
	}
	st.layers = append(st.layers, l)
	st.config.History = append(st.config.History, v1.History{Created: b.when(), CreatedBy: line})
	return nil
}

// settle gives each folder that the build makes the newest time of what a layer puts
// into it, or 1970; a here-document's file is of 1970. Docker takes the time of the
// build, which would make each build another image. No time stays after
// SOURCE_DATE_EPOCH, which becomes the time of all that the build makes.
func (b *builder) settle(items []item) {
	made := map[string]*item{}
	for i := range items {
		it := &items[i]
		if b.epoch != nil && (it.made || it.ModTime > *b.epoch) {
			it.ModTime = *b.epoch
		}
		if it.made {
			made[it.Name] = it
		}
	}
	for _, it := range items {
		for dir := path.Dir(it.Name); dir != "."; dir = path.Dir(dir) {
			if above := made[dir]; above != nil {
				above.ModTime = max(above.ModTime, it.ModTime)
			}
		}
	}
}

// note enters an instruction that made no layer.
func (s *stage) note(line string) {
	s.config.History = append(s.config.History, v1.History{Created: s.when, CreatedBy: line, EmptyLayer: true})
}

// when is when an image was made: in 1970, or at SOURCE_DATE_EPOCH.
func (b *builder) when() v1.Time {
	var seconds int64
	if b.epoch != nil {
		seconds = *b.epoch
	}
	return v1.Time{Time: time.Unix(seconds, 0).UTC()}
}

func (s *Store) write(st *stage) (*content, error) {
	config := st.config.DeepCopy()
	config.Created = st.when
	config.RootFS = v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}
	for _, l := range st.layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.DiffID)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return s.writeManifest(st.media, raw, config, st.layers)
}

// writeManifest stores a configuration and its manifest, and returns their image.
func (s *Store) writeManifest(media types.MediaType, configRaw []byte, config *v1.ConfigFile, layers []layer) (*content, error) {
	d, err := s.putBlob(configRaw)
	if err != nil {
		return nil, fmt.Errorf("writing image: %w", err)
	}
	d.MediaType = types.DockerConfigJSON
	if media == types.OCIManifestSchema1 {
		d.MediaType = types.OCIConfigJSON
	}
	m := &v1.Manifest{SchemaVersion: 2, MediaType: media, Config: d, Layers: []v1.Descriptor{}}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Blob)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if d, err = s.putBlob(raw); err != nil {
		return nil, fmt.Errorf("writing image: %w", err)
	}
	d.MediaType = media
	return &content{desc: d, manifest: m, config: config, configRaw: configRaw, layers: layers}, nil
}

// workdir returns the folder that relative paths start from.
func (s *stage) workdir() string {
	if s.config.Config.WorkingDir == "" {
		return "/"
	}
	return path.Join("/", strings.ReplaceAll(s.config.Config.WorkingDir, `\`, "/"))
}
