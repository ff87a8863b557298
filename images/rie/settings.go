package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"coldbench/bench/runtimeapi"
)

// settings are the standalone emulator's arguments and environment.
type settings struct {
	function runtimeapi.Function
	// command is the function's program and its arguments.
	command []string
	// environ is the function's environment but for the address of the Runtime API.
	environ []string
	// credentials are the AWS_ variables of an identity that the container was given, which
	// are meant for the function.
	credentials []string
	// extensions is the folder of external extensions' programs.
	extensions string
}

// extensionsDir is where Lambda looks for the programs of external extensions.
const extensionsDir = "/opt/extensions"

// bootstraps are the programs that are looked for where no command is given.
var bootstraps = [...]string{"/var/task/bootstrap", "/opt/bootstrap", "/var/runtime/bootstrap"}

// readSettings reads the settings; a value that is none is an error.
func readSettings(command, environ []string) (settings, error) {
	env := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	s := settings{command: command, environ: environ, extensions: extensionsDir}
	if len(command) == 0 {
		for _, p := range bootstraps {
			if i, err := os.Stat(p); err == nil && !i.IsDir() {
				s.command = []string{p}
				break
			}
		}
		if s.command == nil {
			return settings{}, errors.New("no command given, and none of " + strings.Join(bootstraps[:], ", ") + " is there")
		}
	}
	seconds, err := number(env, "AWS_LAMBDA_FUNCTION_TIMEOUT", 300, 86400)
	if err != nil {
		return settings{}, err
	}
	memory, err := number(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 3008, 1<<20)
	if err != nil {
		return settings{}, err
	}
	s.function = runtimeapi.Function{
		Name:     cmp.Or(env["AWS_LAMBDA_FUNCTION_NAME"], "test_function"),
		Version:  cmp.Or(env["AWS_LAMBDA_FUNCTION_VERSION"], "$LATEST"),
		Handler:  cmp.Or(env["AWS_LAMBDA_FUNCTION_HANDLER"], env["_HANDLER"]),
		MemoryMB: memory,
		Timeout:  time.Duration(seconds) * time.Second,
		Region:   cmp.Or(env["AWS_REGION"], env["AWS_DEFAULT_REGION"]),
	}
	if s.function.Handler == "" && len(command) > 1 {
		// The entrypoint scripts of AWS's base images pass the handler on as
		// the program's last argument.
		s.function.Handler = command[len(command)-1]
	}
	for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if v, ok := env[k]; ok {
			s.credentials = append(s.credentials, k+"="+v)
		}
	}
	return s, nil
}

// number reads a whole number from 1 to limit.
func number(env map[string]string, key string, otherwise, limit int) (int, error) {
	v, ok := env[key]
	if !ok || v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > limit {
		return 0, fmt.Errorf("%s=%q: a whole number from 1 to %d is needed", key, v, limit)
	}
	return n, nil
}
