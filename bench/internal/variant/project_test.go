package variant

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProject(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "My.Folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Project(Options{Dir: dir}); err == nil {
		t.Error("a folder without a compose file has a project")
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("docker-compose.yml", "services: {a: {image: x, build: ., x-bench: {zip: true}}, b: {image: x}}\n")
	is := func(want string, o Options) {
		t.Helper()
		o.Dir = dir
		if got, err := Project(o); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	is("myfolder", Options{})
	vs, err := Load(t.Context(), Options{Dir: dir})
	if err != nil || len(vs) != 2 || vs[0].Build == nil || vs[0].Build.Project != "myfolder" {
		t.Errorf("%+v, %v", vs, err)
	}
	write(".env", "COMPOSE_PROJECT_NAME=fixed\n")
	is("fixed", Options{})
	is("mine", Options{Env: []string{"COMPOSE_PROJECT_NAME=mine"}})
	vs, err = Load(t.Context(), Options{Dir: dir})
	if err != nil || len(vs) != 2 || vs[0].Build.Project != "fixed" || !vs[0].Zip || vs[1].Zip {
		t.Errorf("%+v, %v", vs, err)
	}
}
