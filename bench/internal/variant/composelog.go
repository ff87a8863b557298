package variant

import (
	"io"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"
)

// quiet guards the standard logger while quietly has it.
var quiet sync.Mutex

// quietly calls do and hands to log what compose-go would print on stderr
// meanwhile: it has no other way to be told where its warnings go.
func quietly(log func(string), do func()) {
	quiet.Lock()
	defer quiet.Unlock()
	logger := logrus.StandardLogger()
	out, hooks := logger.Out, logger.ReplaceHooks(logrus.LevelHooks{})
	logger.SetOutput(io.Discard)
	logger.AddHook(toLog(func(line string) {
		// Said of every file of an older compose, and of no consequence.
		if log != nil && !strings.Contains(line, "`version` is obsolete") {
			log(line)
		}
	}))
	defer func() {
		logger.SetOutput(out)
		logger.ReplaceHooks(hooks)
	}()
	do()
}

type toLog func(string)

func (toLog) Levels() []logrus.Level { return logrus.AllLevels }

func (l toLog) Fire(e *logrus.Entry) error {
	l(e.Message)
	return nil
}
