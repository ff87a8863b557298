package backend_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// chrootFloor is a cold start of an image without an engine: a thread forks, the
// child changes its root to a fresh overlay of the image's files, takes on user 993
// and executes the entrypoint within the limits that Lambda sets. Nothing of the
// engines is in this file.
type chrootFloor struct {
	// files is the unpacked image, root where its overlay is mounted.
	files    string
	root     string
	argv     []string
	env      []string
	listener net.Listener
	// asked receives CLOCK_MONOTONIC at each GET.
	asked  chan int64
	groups []string
	// work runs on the one thread whose mount namespace has the root's mounts.
	work chan func()
}

// newChrootFloor unpacks an image's one layer, a tar file, below dir.
func newChrootFloor(dir, layer string, argv, env []string, memoryMB int) (*chrootFloor, error) {
	f := &chrootFloor{files: filepath.Join(dir, "files"), root: filepath.Join(dir, "floor"), argv: argv, asked: make(chan int64, 1), work: make(chan func())}
	for _, d := range []string{f.files, f.root, f.files + "-none"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	if out, err := exec.Command("tar", "-x", "-p", "--numeric-owner", "-C", f.files, "-f", layer).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("tar -x %s: %w: %s", layer, err, out)
	}
	var err error
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	f.env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + f.listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=floor", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(memoryMB), "AWS_REGION=us-east-1", "TZ=:UTC", "LAMBDA_TASK_ROOT=/var/task",
		"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
	}, env...)
	go f.serve()
	ready := make(chan error)
	go f.thread(memoryMB, ready)
	if err := <-ready; err != nil {
		f.close()
		return nil, fmt.Errorf("preparing the floor: %w", err)
	}
	return f, nil
}

// serve notes when each connection asks, and never answers.
func (f *chrootFloor) serve() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			r := bufio.NewReader(c)
			line, err := r.ReadString('\n')
			now := monotonic()
			if err != nil || !strings.HasPrefix(line, "GET /2018-06-01/runtime/invocation/next ") {
				return
			}
			f.asked <- now
			_, _ = r.ReadByte() // until the process ends
			for err == nil {
				_, err = r.ReadByte()
			}
		}()
	}
}

// thread has a mount namespace of its own, which ends with it, with what a
// runtime needs below the root, and is in the control groups.
func (f *chrootFloor) thread(memoryMB int, ready chan<- error) {
	runtime.LockOSThread()
	err := f.mounts()
	if err == nil {
		err = f.limit(memoryMB)
	}
	if err == nil {
		err = f.enter()
	}
	ready <- err
	for work := range f.work {
		work()
	}
}

// mounts makes the thread's mount namespace.
func (f *chrootFloor) mounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return err
	}
	for _, dir := range []string{"proc", "dev", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(f.files, dir), 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

// fresh mounts the root, whose directory cache is empty, as a container's is.
func (f *chrootFloor) fresh() error {
	errs := []error{unix.Mount("overlay", f.root, "overlay", unix.MS_RDONLY, "lowerdir="+f.files+":"+f.files+"-none")}
	for _, dir := range []string{"proc", "dev", "sys"} {
		errs = append(errs, unix.Mount("/"+dir, filepath.Join(f.root, dir), "", unix.MS_BIND|unix.MS_REC, ""))
	}
	errs = append(errs, unix.Mount("tmpfs", filepath.Join(f.root, "tmp"), "tmpfs", 0, "mode=1777,size=512m"))
	return errors.Join(errs...)
}

// limit makes a control group for each hierarchy of version 1, or the one of
// version 2, with Lambda's limits during init: two CPUs by periods of 20 ms.
func (f *chrootFloor) limit(memoryMB int) error {
	name := fmt.Sprintf("coldbench-floor-%d", os.Getpid())
	bytes := strconv.Itoa(memoryMB << 20)
	files := [][3]string{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", bytes},
		{"/sys/fs/cgroup/cpu", "cpu.cfs_period_us", "20000"},
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "40000"},
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+cpu +memory"), 0)
		files = [][3]string{{"/sys/fs/cgroup", "memory.max", bytes}, {"/sys/fs/cgroup", "cpu.max", "40000 20000"}}
	}
	for _, file := range files {
		group := filepath.Join(file[0], name)
		if len(f.groups) == 0 || f.groups[len(f.groups)-1] != group {
			if err := os.Mkdir(group, 0o755); err != nil {
				return err
			}
			f.groups = append(f.groups, group)
		}
		if err := os.WriteFile(filepath.Join(group, file[1]), []byte(file[2]), 0); err != nil {
			return err
		}
	}
	return nil
}

// cold starts a process and returns the milliseconds from before the fork to its
// first GET /next.
func (f *chrootFloor) cold() (ms float64, err error) {
	done := make(chan struct{})
	f.work <- func() {
		defer close(done)
		ms, err = f.start()
	}
	<-done
	return ms, err
}

func (f *chrootFloor) start() (float64, error) {
	attr := &syscall.ProcAttr{
		Dir: "/var/task", Env: f.env, Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Chroot: f.root, Credential: &syscall.Credential{Uid: 993, Gid: 990}, Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	if len(f.groups) == 1 { // version 2
		fd, err := unix.Open(f.groups[0], unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0, err
		}
		defer unix.Close(fd)
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, fd
	}
	if err := f.fresh(); err != nil {
		return 0, err
	}
	defer func() { _ = unix.Unmount(f.root, unix.MNT_DETACH) }()
	began := monotonic()
	pid, err := syscall.ForkExec(f.argv[0], f.argv, attr)
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	}()
	select {
	case at := <-f.asked:
		return float64(at-began) / 1e6, nil
	case <-time.After(30 * time.Second):
		return 0, errors.New("no GET /next within 30 s")
	}
}

// enter takes this thread into groups of version 1 for good: leaving them would
// hold up every fork of the machine for a while, those of the child first.
func (f *chrootFloor) enter() error {
	if len(f.groups) == 1 {
		return nil
	}
	for _, g := range f.groups {
		if err := os.WriteFile(filepath.Join(g, "tasks"), []byte(strconv.Itoa(unix.Gettid())), 0); err != nil {
			return err
		}
	}
	return nil
}

func (f *chrootFloor) close() {
	_ = f.listener.Close()
	close(f.work)
	for _, g := range f.groups {
		for range 100 {
			if err := unix.Rmdir(g); err == nil || errors.Is(err, unix.ENOENT) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// monotonic reads CLOCK_MONOTONIC in nanoseconds.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}
