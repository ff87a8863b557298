package coldstart

// The strategies that force a cold start on AWS; see Sample.Strategy. Local
// engines have one each.
const (
	StrategyConfigUpdate = "config-update"
	StrategyCodeUpdate   = "code-update"
	StrategyBurst        = "burst"
	StrategyVersion      = "version"
	StrategyIdle         = "idle"
)

// Strategies lists the strategies on AWS, the default first.
func Strategies() []string {
	return []string{StrategyConfigUpdate, StrategyCodeUpdate, StrategyBurst, StrategyVersion, StrategyIdle}
}
