package handover

// ControlVariable names the environment variable in which the host tells a
// worker the number of its control descriptor.
const ControlVariable = "LANNER_CONTROL_FD"

// DefaultControlDescriptor is where the control channel is when the variable is
// missing: the first of [exec.Cmd.ExtraFiles].
const DefaultControlDescriptor = 3
