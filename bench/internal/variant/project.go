package variant

import (
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// Project returns the name of a compose file's project, which deployed functions are named
// after: COMPOSE_PROJECT_NAME of the environment or of .env, else that of its folder.
func Project(o Options) (string, error) {
	file, err := find(o)
	if err != nil {
		return "", err
	}
	env, err := environment(o, filepath.Dir(file))
	if err != nil {
		return "", err
	}
	return projectName(file, "", env), nil
}

// projectName returns the first of these that has a letter or digit:
// COMPOSE_PROJECT_NAME, the name in the file, the name of its folder.
func projectName(file, name string, env types.Mapping) string {
	for _, name := range []string{env["COMPOSE_PROJECT_NAME"], name, filepath.Base(filepath.Dir(file))} {
		if name = loader.NormalizeProjectName(name); name != "" {
			return name
		}
	}
	return "bench"
}
