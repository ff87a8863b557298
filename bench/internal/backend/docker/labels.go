package docker

const (
	labelRun   = "coldbench.run"   // the run's ID
	labelRole  = "coldbench.role"  // roleEmulator, roleFunction or roleStart
	labelOwner = "coldbench.owner" // see owner

	roleEmulator = "emulator"
	roleFunction = "function"
	roleStart    = "start"
)

func (e *Engine) labels(role string) map[string]string {
	return map[string]string{labelRun: e.run, labelRole: role, labelOwner: thisProcess().String()}
}
