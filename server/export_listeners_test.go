package server

import "net"

// PatientListener makes what Listeners gives to serve.
func PatientListener(l net.Listener) net.Listener { return patientListener{l} }
