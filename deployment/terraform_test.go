package deployment_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// configuration is all blocks of the *.tf files.
type configuration struct {
	blocks []*hclsyntax.Block
	// declared holds "var.x", "local.x", "aws_x.y" and "data.x.y".
	declared map[string]bool
}

// parse reads *.tf files by name; the position is in each diagnostic.
func parse(files map[string][]byte) (*configuration, error) {
	c := &configuration{declared: map[string]bool{}}
	parser := hclparse.NewParser()
	for name, text := range files {
		f, diags := parser.ParseHCL(text, name)
		if diags.HasErrors() {
			return nil, diags
		}
		body := f.Body.(*hclsyntax.Body)
		if len(body.Attributes) > 0 {
			return nil, fmt.Errorf("%s: an argument outside of any block", name)
		}
		c.blocks = append(c.blocks, body.Blocks...)
	}
	for _, b := range c.blocks {
		switch {
		case b.Type == "variable":
			c.declared["var."+b.Labels[0]] = true
		case b.Type == "resource":
			c.declared[strings.Join(b.Labels, ".")] = true
		case b.Type == "data":
			c.declared["data."+strings.Join(b.Labels, ".")] = true
		case b.Type == "locals":
			for name := range b.Body.Attributes {
				c.declared["local."+name] = true
			}
		}
	}
	return c, nil
}

// check compares the configuration with what providers document.
func (c *configuration) check() (problems []string) {
	for _, b := range c.blocks {
		at := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s: %s", b.DefRange(), fmt.Sprintf(format, args...)))
		}
		switch b.Type {
		case "resource", "data":
			kind := b.Type + " " + b.Labels[0]
			s, ok := known[kind]
			if !ok {
				at("%s is not in the list of the documentation", kind)
				continue
			}
			problems = append(problems, checkBody(b, s, append(slices.Clone(meta), s.arguments...))...)
		case "provider":
			s, ok := providers[b.Labels[0]]
			if !ok {
				at("provider %s is not in the list of the documentation", b.Labels[0])
				continue
			}
			problems = append(problems, checkBody(b, s, s.arguments)...)
		case "variable", "output":
			for name := range b.Body.Attributes {
				if !slices.Contains([]string{"description", "type", "default", "value", "sensitive", "nullable"}, name) {
					at("%s has no argument %s", b.Type, name)
				}
			}
			if b.Body.Attributes["description"] == nil {
				at("%s %s has no description", b.Type, b.Labels[0])
			}
		case "terraform", "locals":
		default:
			at("a block of type %s", b.Type)
		}
		if b.Type != "terraform" {
			problems = append(problems, c.references(b)...)
		}
	}
	slices.Sort(problems)
	return problems
}

func checkBody(b *hclsyntax.Block, s schema, arguments []string) (problems []string) {
	at := func(r hcl.Range, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s: %s", r, fmt.Sprintf(format, args...)))
	}
	what := b.Type + " " + strings.Join(b.Labels, " ")
	for name, a := range b.Body.Attributes {
		if !slices.Contains(arguments, name) {
			at(a.NameRange, "%s has no argument %s", what, name)
		}
	}
	for _, name := range s.required {
		if b.Body.Attributes[name] == nil {
			at(b.DefRange(), "%s lacks the argument %s", what, name)
		}
	}
	for _, inner := range b.Body.Blocks {
		name, body := inner.Type, inner.Body
		if name == "lifecycle" || name == "timeouts" {
			continue
		}
		if name == "dynamic" {
			name = inner.Labels[0]
			for _, content := range inner.Body.Blocks {
				body = content.Body
			}
		}
		allowed, ok := s.blocks[name]
		if !ok {
			at(inner.DefRange(), "%s has no block %s", what, name)
			continue
		}
		for argument, a := range body.Attributes {
			if !slices.Contains(allowed, argument) {
				at(a.NameRange, "block %s of %s has no argument %s", name, what, argument)
			}
		}
	}
	return problems
}

// references checks that what a block reads is declared and documented.
func (c *configuration) references(b *hclsyntax.Block) (problems []string) {
	// What a dynamic block calls its element is declared by the block.
	elements := map[string]bool{}
	for _, inner := range b.Body.Blocks {
		if inner.Type == "dynamic" {
			elements[inner.Labels[0]] = true
		}
	}
	for _, t := range variables(b.Body) {
		root := t.RootName()
		if root == "each" || root == "path" || root == "count" || root == "self" || elements[root] {
			continue
		}
		var names []string // without indexes
		for _, step := range t {
			switch s := step.(type) {
			case hcl.TraverseRoot:
				names = append(names, s.Name)
			case hcl.TraverseAttr:
				names = append(names, s.Name)
			}
		}
		n := 2
		if root == "data" {
			n = 3
		}
		at := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%s: %s", t.SourceRange(), fmt.Sprintf(format, args...)))
		}
		if len(names) < n || !c.declared[strings.Join(names[:n], ".")] {
			at("%s is not declared", strings.Join(names, "."))
			continue
		}
		if root == "var" || root == "local" || len(names) == n {
			continue
		}
		kind := "resource " + root
		if root == "data" {
			kind = "data " + names[1]
		}
		if s := known[kind]; !slices.Contains(s.arguments, names[n]) && !slices.Contains(s.exports, names[n]) {
			at("%s has no attribute %s", kind, names[n])
		}
	}
	return problems
}

// variables returns what the expressions of a body read from outside of them.
func variables(body *hclsyntax.Body) (list []hcl.Traversal) {
	for name, a := range body.Attributes {
		if name == "type" { // a type is no expression
			continue
		}
		list = append(list, a.Expr.Variables()...)
	}
	for _, b := range body.Blocks {
		if b.Type != "lifecycle" {
			list = append(list, variables(b.Body)...)
		}
	}
	return list
}

func files(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("*.tf")
	if err != nil || len(names) < 4 {
		t.Fatalf("%v, %v", names, err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestNamesAreDocumented(t *testing.T) {
	c, err := parse(files(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range c.check() {
		t.Error(problem)
	}
	for _, want := range []string{"aws_ecr_repository.images", "aws_lambda_function.image", "aws_lambda_function.zip", "aws_cloudwatch_log_group.function", "var.images", "local.services"} {
		if !c.declared[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// The check sees what it is there to see.
func TestSlipsAreSeen(t *testing.T) {
	good := files(t)
	for _, test := range []struct{ file, old, new, want string }{
		{"main.tf", "retention_in_days", "retention_days", "no argument retention_days"},
		{"main.tf", `resource "aws_iam_role" "function"`, `resource "aws_iam_roll" "function"`, "aws_iam_roll is not in the list"},
		{"main.tf", "entry_point       =", "entrypoint =", "has no argument entrypoint"},
		{"main.tf", `dynamic "image_config"`, `dynamic "image_configuration"`, "has no block image_configuration"},
		{"main.tf", "log_format = \"Text\"", "format = \"Text\"", "has no argument format"},
		{"main.tf", "aws_iam_role.function.arn", "aws_iam_role.function.amazon_resource_name", "no attribute amazon_resource_name"},
		{"main.tf", "local.project", "local.projekt", "local.projekt is not declared"},
		{"main.tf", "function_name = each.key", "name = each.key", "lacks the argument function_name"},
		{"main.tf", "data.aws_partition.current.partition", "data.aws_partition.present.partition", "is not declared"},
		{"locals.tf", "var.images", "var.image", "var.image is not declared"},
		{"outputs.tf", "aws_ecr_repository.images.repository_url", "aws_ecr_repository.images.url", "no attribute url"},
		{"versions.tf", "default_tags {", "tags {", "has no block tags"},
	} {
		bad := map[string][]byte{}
		for name, text := range good {
			bad[name] = text
		}
		text := strings.Replace(string(good[test.file]), test.old, test.new, 1)
		if text == string(good[test.file]) {
			t.Errorf("%s does not hold %q", test.file, test.old)
			continue
		}
		bad[test.file] = []byte(text)
		c, err := parse(bad)
		if err != nil {
			t.Errorf("%s: %v", test.new, err)
			continue
		}
		if got := strings.Join(c.check(), "\n"); !strings.Contains(got, test.want) {
			t.Errorf("%s for %s: %q, want %q", test.new, test.old, got, test.want)
		}
	}
}

// The image of a function is pinned: a tag would change under it.
func TestWhatIsDeployed(t *testing.T) {
	c, err := parse(files(t))
	if err != nil {
		t.Fatal(err)
	}
	repositories, functions := 0, 0
	for _, b := range c.blocks {
		if b.Type != "resource" {
			continue
		}
		switch b.Labels[0] {
		case "aws_ecr_repository":
			repositories++
		case "aws_lambda_function":
			functions++
			if b.Body.Attributes["image_uri"] == nil && b.Body.Attributes["filename"] == nil {
				t.Errorf("%s has no code", b.Labels[1])
			}
			log := false
			for _, inner := range b.Body.Blocks {
				log = log || inner.Type == "logging_config"
			}
			if !log || b.Body.Attributes["for_each"] == nil || b.Body.Attributes["architectures"] == nil {
				t.Errorf("%s: logging_config %v", b.Labels[1], log)
			}
		}
	}
	if repositories != 1 || functions != 2 {
		t.Errorf("%d repositories, %d kinds of functions", repositories, functions)
	}
}
