package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/payload"
	"coldbench/bench/runtimeapi"
)

// Engine makes sandboxes on this machine.
type Engine struct {
	program *program
	spawner *spawner
	groups  *groups
	null    *os.File
	// user is true where sandboxes have a user namespace.
	user bool
	// notes are warnings beside those about limits.
	notes  []string
	closed bool

	// mu guards what follows, and notes once the engine is made: configurations
	// are opened at the same time.
	mu sync.Mutex
	// storage is how roots are mounted: empty before the first, overlayMount, or
	// bindMount if an overlay was refused for one of them.
	storage string
	// empties are what emptyBeside returned for each root.
	empties map[string]string
}

var _ coldstart.Backend = (*Engine)(nil)

// The values of Facts.StorageDriver.
const (
	overlayMount = "overlayfs"
	bindMount    = "bind mount"
)

// New finds out what this machine allows, removes the control groups that
// killed runs have left behind, and returns an engine. Its error wraps
// ErrUnsupported, with a hint, where no sandbox can be made here.
func New(ctx context.Context, o Options) (*Engine, error) {
	start, err := payload.Start(runtime.GOARCH)
	if err != nil {
		return nil, advice.Hint(err, "make build")
	}
	return newEngine(ctx, o, start)
}

// newEngine is New with the program that is started first.
func newEngine(ctx context.Context, o Options, start []byte) (*Engine, error) {
	var stuck []string
	for _, dir := range leftProbes(o.StateDir) {
		_ = os.RemoveAll(dir)
	}
	for _, dir := range leftovers() {
		if err := removeLeftover(dir); err != nil {
			stuck = append(stuck, "a control group of a killed run could not be removed: "+err.Error())
		} else if o.Log != nil {
			o.Log("removed " + dir + ", which a killed run had left behind")
		}
	}
	e, err := makeEngine(ctx, o, start)
	if err != nil {
		return nil, err
	}
	e.notes = append(e.notes, stuck...)
	return e, nil
}

// makeEngine makes an engine: with the privileges of this process if it has
// them, else with user namespaces.
func makeEngine(ctx context.Context, o Options, start []byte) (*Engine, error) {
	if os.Geteuid() == 0 {
		return makeEngineAs(ctx, o, start, []bool{false, true})
	}
	return makeEngineAs(ctx, o, start, []bool{true})
}

// makeEngineAs makes an engine in the first way that works: with user
// namespaces (true) or without.
func makeEngineAs(ctx context.Context, o Options, start []byte, ways []bool) (*Engine, error) {
	e := &Engine{empties: map[string]string{}}
	var err error
	if e.program, err = newProgram(start, o.StateDir); err != nil {
		return nil, err
	}
	if e.null, err = os.Open(os.DevNull); err != nil {
		_ = e.program.Close()
		return nil, fmt.Errorf("opening the null device: %w", err)
	}
	e.spawner = newSpawner()
	e.groups = newGroups()
	if err := e.probe(ctx, o.StateDir, ways); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// probe makes one sandbox without a function, to see in which way that is
// possible.
func (e *Engine) probe(ctx context.Context, dir string, ways []bool) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
	}
	root, err := os.MkdirTemp(dir, probeName+processName()+"-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(root) }()
	if err := MountPoints(root); err != nil {
		return err
	}
	for _, e.user = range ways {
		var notes []string
		if notes, err = e.try(ctx, root, ""); err == nil {
			e.notes = append(e.notes, notes...)
			return nil
		}
		if !denied(err) {
			break
		}
	}
	if ctx.Err() != nil {
		return err
	}
	return advice.Hint(fmt.Errorf("%w: %w", ErrUnsupported, err), remedy())
}

// try makes one sandbox without a function over a root, see description, and returns
// what start notes about it.
func (e *Engine) try(ctx context.Context, root, empty string) ([]string, error) {
	p, err := e.launch(ctx, description{root: root, empty: empty, dir: "/", argv: []string{"/none"}}, &localenv.Output{}, nil,
		func() (*group, error) { return &group{}, nil })
	if err != nil {
		return nil, err
	}
	p.Kill()
	if p.control.tmp != nil {
		err = p.control.tmp.Close()
	}
	return p.starter.Notes, err
}

// emptyBeside returns an empty folder beside a root, made once and left there, with
// which the root can be mounted as an overlay; "" if the kernel refuses that. It tries
// each root once, and decides nothing if no sandbox at all can be made over it: its
// start says why.
func (e *Engine) emptyBeside(ctx context.Context, root string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if empty, tried := e.empties[root]; tried {
		return empty
	}
	empty := filepath.Join(filepath.Dir(root), ".empty")
	refused := os.Mkdir(empty, 0o755)
	if refused == nil || errors.Is(refused, fs.ErrExist) {
		_, refused = e.try(ctx, root, empty)
	}
	if refused == nil {
		e.storage = cmp.Or(e.storage, overlayMount)
		e.empties[root] = empty
		return empty
	}
	if _, err := e.try(ctx, root, ""); err != nil {
		return ""
	}
	if e.storage != bindMount {
		e.storage = bindMount
		e.notes = append(e.notes, "images are bind-mounted, and start up to a tenth sooner than from an overlay: "+refused.Error())
	}
	e.empties[root] = ""
	return ""
}

// Open implements coldstart.Backend.
func (e *Engine) Open(ctx context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	t, err := e.open(ctx, c, img, o)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", c, err)
	}
	return localenv.NewTarget(localenv.Setup{
		Config: c, Image: img, Options: o, Strategy: Strategy,
		NewMachine: func() (localenv.Machine, error) {
			m, err := t.machine()
			if err != nil {
				return nil, err
			}
			return m, nil
		},
		Close: t.server.Close,
	}), nil
}

// opened is a configuration that is ready to be started.
type opened struct {
	engine   *Engine
	server   *runtimeapi.Server
	function runtimeapi.Function
	what     description
	limits   limits
	log      func(string)
}

// open checks a configuration and begins to serve its Runtime API.
func (e *Engine) open(ctx context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (*opened, error) {
	if img.Arch == "" {
		img.Arch = c.Arch
	}
	return e.openFunction(ctx, localenv.FunctionOf(c, img, o), img, o)
}

// openFunction checks a function and begins to serve its Runtime API.
func (e *Engine) openFunction(ctx context.Context, f runtimeapi.Function, img coldstart.Image, o coldstart.Options) (*opened, error) {
	if img.Arch != runtime.GOARCH {
		return nil, advice.Hint(fmt.Errorf("the image is for %s, and this machine is %s", img.Arch, runtime.GOARCH),
			"--arch "+runtime.GOARCH)
	}
	if img.Root == "" {
		return nil, errors.New("the image is not unpacked")
	}
	argv := slices.Concat(img.Entrypoint, img.Command)
	if len(argv) == 0 {
		return nil, fmt.Errorf("%w: the image has neither ENTRYPOINT nor CMD", runtimeapi.ErrInvalidEntrypoint)
	}
	root, err := filepath.Abs(img.Root)
	if err != nil {
		return nil, err
	}
	o.LimitCPU = o.LimitCPU && e.groups.cpu.dir != ""
	quota, err := localenv.QuotaOf(f.MemoryMB, o)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &opened{engine: e, server: runtimeapi.NewServer(listener), function: f, limits: limits{int64(f.MemoryMB) << 20, quota}, log: o.Log}
	env := f.Environ(localenv.EnvironmentOf(img, o), t.server.Addr())
	t.what = description{root: root, empty: e.emptyBeside(ctx, root), dir: cmp.Or(img.WorkingDir, "/"), argv: argv, env: env}
	return t, nil
}

// machine makes an environment, in which nothing runs yet.
func (t *opened) machine() (*machine, error) {
	m := &machine{engine: t.engine, limits: t.limits, what: t.what, out: &localenv.Output{Log: t.log}}
	var err error
	if m.Environment, err = t.server.NewEnvironment(t.function, m); err != nil {
		return nil, err
	}
	return m, nil
}

// Limits says how the limits that o asks for are set here.
func (e *Engine) Limits(o coldstart.Options) coldstart.Limits {
	l := coldstart.Limits{CPU: "quota", Memory: "limit", MaxMemoryUsed: "sum of VmHWM"}
	switch {
	case !o.LimitCPU:
		l.CPU = "not limited: not asked for"
	case e.groups.cpu.dir == "":
		l.CPU = "not limited: " + e.groups.cpu.reason
	}
	if e.groups.memory.dir == "" {
		l.Memory = "not limited: " + e.groups.memory.reason
	}
	return l
}

// Version names the program that makes the sandboxes: the engine has no other
// version than bench's.
func (e *Engine) Version() string { return "start " + e.program.digest }

// Cgroup is the version of the control groups that limit environments: "v1",
// "v2", or "" where there are none.
func (e *Engine) Cgroup() string { return e.groups.version() }

// Facts describes the engine. It writes the files of control groups itself; its
// storage driver is unknown before the first Open.
func (e *Engine) Facts() coldstart.EngineFacts {
	rootless := os.Geteuid() != 0
	e.mu.Lock()
	defer e.mu.Unlock()
	f := coldstart.EngineFacts{StorageDriver: e.storage, CgroupDriver: "cgroupfs", Rootless: &rootless}
	if e.Cgroup() == "" {
		f.CgroupDriver = "none"
	}
	return f
}

// Strategy says how cold starts are forced.
func (e *Engine) Strategy() string { return Strategy }

// Warnings says what this machine does not allow.
func (e *Engine) Warnings() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var w []string
	if e.groups.cpu.dir == "" {
		w = append(w, "the CPU is not limited: "+e.groups.cpu.reason)
	}
	if e.groups.memory.dir == "" {
		w = append(w, "memory is not limited: "+e.groups.memory.reason)
	}
	return append(w, e.notes...)
}

// Close gives back what New took. It may be called twice; targets are closed
// before.
func (e *Engine) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	e.spawner.stop()
	e.groups.close()
	return errors.Join(e.null.Close(), e.program.Close())
}
