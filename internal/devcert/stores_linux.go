package devcert

// stores returns the stores that this computer has.
func (m *machine) stores() (list []store) {
	if s := m.systemStore(); s != nil {
		list = append(list, s)
	}
	for _, dir := range m.databases() {
		list = append(list, &nss{m, dir})
	}
	return list
}
