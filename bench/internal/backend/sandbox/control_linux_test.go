package sandbox

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/runtimeapi"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// TestConversation: what start may say, and what becomes of it.
func TestConversation(t *testing.T) {
	for _, c := range []struct {
		name, setUp, execute string
		setUpErr, executeErr string
		errno                syscall.Errno
		invalid              bool
		extensions           string
		notes                string
	}{
		{name: "plain", setUp: "ready\n", execute: "exec 12 \n"},
		{name: "notes and extensions", setUp: "note a b\nnote c\nready\n", execute: "exec 12 a/b\n", extensions: "a,b", notes: "a b|c"},
		{name: "no sandbox", setUp: "error 1 mounting /tmp: operation not permitted\n", setUpErr: "mounting /tmp: operation not permitted", errno: syscall.EPERM},
		{name: "nothing", setUp: "", setUpErr: "waiting for images/start: EOF"},
		{name: "half a word", setUp: "rea", setUpErr: "waiting for images/start: unexpected EOF"},
		{name: "another word", setUp: "hello\n", setUpErr: `images/start said "hello" instead of ready`},
		{name: "an error without number", setUp: "error x y\n", setUpErr: `images/start said "error x y" instead of ready`},
		{name: "no program", setUp: "ready\n", execute: "exec 12 \nerror 2 executing /x: no such file or directory\n",
			executeErr: "executing /x: no such file or directory", errno: syscall.ENOENT, invalid: true},
		{name: "ends", setUp: "ready\n", execute: "", executeErr: "waiting for execve: EOF"},
		{name: "no clock", setUp: "ready\n", execute: "exec x \n", executeErr: `images/start said "exec x ": not a clock reading`},
		{name: "more words", setUp: "ready\n", execute: "exec 12 \nhello\n", executeErr: `images/start said "hello" after exec`},
	} {
		t.Run(c.name, func(t *testing.T) {
			con, far, err := newControl()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = con.Close() }()
			starter := runtimeapi.NewStarter(con)
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = far.Close() }()
				_, _ = far.Read(make([]byte, 100))
				_, _ = io.WriteString(far, c.setUp)
				if c.setUpErr != "" {
					return
				}
				_, _ = far.Read(make([]byte, 3))
				_, _ = io.WriteString(far, c.execute)
			}()
			err = starter.Ready(context.Background(), []byte("x"))
			check(t, "setting up", err, c.setUpErr, c.errno, false)
			if got := strings.Join(starter.Notes, "|"); got != c.notes {
				t.Errorf("notes %q", got)
			}
			if err == nil {
				started, err := starter.Exec(context.Background())
				check(t, "executing", err, c.executeErr, c.errno, c.invalid)
				if err == nil && (started.ClockNs != 12 || strings.Join(started.Extensions, ",") != c.extensions) {
					t.Errorf("%+v", started)
				}
			}
			<-done
		})
	}
}

// check compares an error.
func check(t *testing.T, what string, err error, want string, errno syscall.Errno, invalid bool) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
		return
	}
	if err != nil && errno != 0 && !errors.Is(err, errno) {
		t.Errorf("%s: %v is not error %d", what, err, errno)
	}
	if errors.Is(err, runtimeapi.ErrInvalidEntrypoint) != invalid {
		t.Errorf("%s: %v, invalid entrypoint wanted: %v", what, err, invalid)
	}
}

// TestConversationEnds: a context that ends, ends the waiting for a start that
// says nothing.
func TestConversationEnds(t *testing.T) {
	con, far, err := newControl()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = con.Close(); _ = far.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := runtimeapi.NewStarter(con).Ready(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestKept: a descriptor that comes along with a word is taken, and is not one
// that a program would inherit.
func TestKept(t *testing.T) {
	con, far, err := newControl()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = con.Close(); _ = far.Close() }()
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := syscall.Sendmsg(int(far.Fd()), []byte("ready\n"), syscall.UnixRights(int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := runtimeapi.NewStarter(con).Ready(context.Background(), nil); err != nil || con.tmp == nil {
		t.Fatalf("%v, %v", con.tmp, err)
	}
	defer func() { _ = con.tmp.Close() }()
	a, err1 := f.Stat()
	b, err2 := con.tmp.Stat()
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		t.Errorf("another file came: %v, %v", err1, err2)
	}
}

func TestEncode(t *testing.T) {
	text, err := description{root: "/r", dir: "/d", argv: []string{"a", ""}, env: []string{"A=b\nc"}}.encode()
	if err != nil {
		t.Fatal(err)
	}
	want := "root=/r|uid=993|gid=990|tmp=536870912|files=1024|hostname=sandbox|dir=/d|env=A=b\nc|arg=a|arg=||"
	if got := strings.ReplaceAll(string(text), "\x00", "|"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, d := range []description{{root: "a\x00b"}, {dir: "\x00"}, {argv: []string{"\x00"}}, {env: []string{"A=\x00"}}} {
		if text, err := d.encode(); err == nil {
			t.Errorf("%+v became %q", d, text)
		}
	}
}
