package docker

// The labels of everything that this package makes in an engine.
const (
	labelRun   = "coldbench.run"   // the run's ID
	labelRole  = "coldbench.role"  // roleEmulator, roleFunction or roleStart
	labelOwner = "coldbench.owner" // see owner
)

// The roles of containers and volumes.
const (
	roleEmulator = "emulator"
	roleFunction = "function"
	roleStart    = "start"
)

// labels are those of a container of this run.
func (e *Engine) labels(role string) map[string]string {
	return map[string]string{labelRun: e.run, labelRole: role, labelOwner: thisProcess().String()}
}
