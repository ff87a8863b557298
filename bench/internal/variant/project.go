package variant

import (
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/loader"
)

// Project returns the name of the project that a compose file describes, as
// compose finds it: COMPOSE_PROJECT_NAME of the environment or of .env, else the
// name of the file's folder. It is what deployed functions are named after.
func Project(o Options) (string, error) {
	file, err := find(o)
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(file)
	env, err := environment(o, dir)
	if err != nil {
		return "", err
	}
	name := env["COMPOSE_PROJECT_NAME"]
	if name == "" {
		name = filepath.Base(dir)
	}
	return loader.NormalizeProjectName(name), nil
}
