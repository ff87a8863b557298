package awslambda

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elsewhere are files of this package that do not belong to measuring: their calls need
// the rights of whoever deploys.
var elsewhere = []string{"ecr.go"}

// otherNames maps the calls whose permission has another name. An empty one
// stands for a call that everybody may make.
var otherNames = map[string]string{
	"lambda:Invoke":         "lambda:InvokeFunction",
	"sts:GetCallerIdentity": "",
}

// prefixes maps the SDK's packages to the prefix of their permissions.
var prefixes = map[string]string{"lambda": "lambda", "cloudwatchlogs": "logs", "sts": "sts", "ecr": "ecr"}

// permissionsNeeded returns the permissions that the backend's calls need. Every call of the
// SDK takes an input of its own type, which is made where the call is.
func permissionsNeeded(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("%v, %v", names, err)
	}
	found := map[string][]string{}
	fset := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(elsewhere, filepath.Base(name)) {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		imported := map[string]string{}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if dir, service := path.Split(p); strings.HasSuffix(dir, "aws-sdk-go-v2/service/") {
				if i.Name != nil {
					t.Fatalf("%s: %s under another name", fset.Position(i.Pos()), p)
				}
				prefix, ok := prefixes[service]
				if !ok {
					t.Fatalf("%s: %s is a service that this test does not know", fset.Position(i.Pos()), p)
				}
				imported[service] = prefix
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := s.X.(*ast.Ident)
			if !ok || imported[pkg.Name] == "" {
				return true
			}
			operation, ok := strings.CutSuffix(s.Sel.Name, "Input")
			if !ok || operation == "" {
				return true
			}
			action := imported[pkg.Name] + ":" + operation
			if other, ok := otherNames[action]; ok {
				action = other
			}
			if action != "" {
				found[action] = append(found[action], fset.Position(n.Pos()).String())
			}
			return true
		})
	}
	return found
}

// stringList is a string or a list of strings, as IAM has it.
type stringList []string

func (l *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = stringList{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(l))
}

// The policy is what bench aws needs, and no more.
func TestPolicyIsWhatTheBackendCalls(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", filepath.FromSlash(Policy)))
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Version   string
		Statement []struct {
			Sid, Effect string
			Action      stringList
			Resource    stringList
		}
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	if policy.Version != "2012-10-17" {
		t.Errorf("version %q", policy.Version)
	}
	allowed := map[string]bool{}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 {
			t.Errorf("statement %s: %+v", s.Sid, s)
		}
		for _, a := range s.Action {
			if strings.ContainsAny(a, "*?") || allowed[a] {
				t.Errorf("action %q is a pattern or there twice", a)
			}
			allowed[a] = true
			// Everything that can be restricted to the project's functions is.
			if everywhere := slices.Contains(s.Resource, "*"); everywhere != (a == "lambda:GetAccountSettings") {
				t.Errorf("action %s on %v", a, s.Resource)
			}
		}
	}
	needed := permissionsNeeded(t)
	if len(needed) < 5 {
		t.Fatalf("the backend calls only %v", needed)
	}
	for _, a := range slices.Sorted(maps.Keys(needed)) {
		if !allowed[a] {
			t.Errorf("%s does not allow %s, which is needed at %s", Policy, a, strings.Join(needed[a], ", "))
		}
		delete(allowed, a)
	}
	for _, a := range slices.Sorted(maps.Keys(allowed)) {
		t.Errorf("%s allows %s, which nothing needs", Policy, a)
	}
}
