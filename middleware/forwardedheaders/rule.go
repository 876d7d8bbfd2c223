package forwardedheaders

import "net/netip"

// message is what the rule looks at, whatever form the request has.
type message struct {
	peer     peer
	scheme   string
	host     string
	pathBase string
	values   func(name string) []string // the field lines with that name
}

// change is what the rule decides.
type change struct {
	untrusted bool    // the peer is no known proxy
	ignored   bool    // it is not, and sent headers that would have been applied otherwise
	uneven    bool    // RequireHeaderSymmetry did not find what it wants
	taken     Headers // from which headers something was taken; when it is 0 nothing of the following is set

	remote netip.AddrPort
	scheme string
	host   string
	prefix string // decoded

	rest     [4][]string // what is left of each header, in the order For, Proto, Host, Prefix
	consumed int         // how many items were used up
}

// decide applies the rule: from the right, as long as the peer of that hop is known, take what is usable.
func (f *forwarder) decide(m *message) change {
	c := change{untrusted: !f.trusts(m)}
	items, longest := f.items(m)
	switch {
	case c.untrusted:
		c.ignored = longest > 0
		return c
	case f.opts.RequireHeaderSymmetry && !f.symmetric(items):
		c.uneven = true
		return c
	}
	if limit := f.opts.ForwardLimit; limit >= 0 {
		longest = min(longest, limit)
	}
	current, trusted := m.peer, true
loop:
	for c.consumed < longest && trusted {
		switch f.take(&c, &current, items, c.consumed) {
		case stop:
			break loop
		case abandon:
			return change{uneven: true}
		case newPeer:
			trusted = f.known(current)
		}
		c.consumed++
	}
	c.remote = current.endpoint
	for i, list := range items {
		c.rest[i] = list[:max(0, len(list)-c.consumed)]
	}
	return c
}

// items splits the headers to be applied and gives the length of the longest. Other headers have no items.
func (f *forwarder) items(m *message) (items [4][]string, longest int) {
	for i, name := range f.opts.forwardedNames() {
		if f.opts.Headers&(1<<i) == 0 {
			continue
		}
		items[i] = splitList(m.values(name))
		longest = max(longest, len(items[i]))
	}
	return items, longest
}

func (f *forwarder) symmetric(items [4][]string) bool {
	count := -1
	for i, list := range items {
		if f.opts.Headers&(1<<i) == 0 {
			continue
		}
		if count >= 0 && len(list) != count {
			return false
		}
		count = len(list)
	}
	return true
}

type verdict int

const (
	goOn    verdict = iota
	newPeer         // go on if the peer that was taken is known
	stop            // keep what was taken before
	abandon         // change nothing at all
)

// take uses the items of one hop, the i-th from the right. An address that cannot be read stops: the hop behind it is
// unknown. Any other unusable item is passed over.
func (f *forwarder) take(c *change, current *peer, items [4][]string, i int) verdict {
	item := func(header int) string {
		list := items[header]
		if i >= len(list) {
			return ""
		}
		return list[len(list)-1-i]
	}
	enabled, strict := f.opts.Headers, f.opts.RequireHeaderSymmetry
	result := goOn
	if enabled&For != 0 {
		text := item(0)
		endpoint, ok := ParseEndpoint(text)
		switch {
		case ok:
			*current = peer{endpoint: endpoint}
			c.taken |= For
			result = newPeer
		case text != "":
			return stop
		case strict:
			return abandon
		}
	}
	if enabled&Proto != 0 {
		if scheme := item(1); validScheme(scheme) {
			c.scheme = scheme
			c.taken |= Proto
		} else if strict {
			return abandon
		}
	}
	if enabled&Host != 0 {
		if host := item(2); validHost(host) && (f.anyHost || f.hosts.Allows(host)) {
			c.host = host
			c.taken |= Host
		} else if strict {
			return abandon
		}
	}
	if enabled&Prefix != 0 {
		if prefix := item(3); prefix != "" && prefix[0] == '/' {
			c.prefix = decodePrefix(prefix)
			c.taken |= Prefix
		} else if strict {
			return abandon
		}
	}
	return result
}

// edit sets a header field, or removes it.
type edit struct {
	name, value string
	remove      bool
}

// edits are the changes to the header fields that go with c.
func (f *forwarder) edits(c *change, m *message, st *state) []edit {
	var out []edit
	if f.opts.SecretHeader != "" && len(m.values(f.opts.SecretHeader)) > 0 {
		out = append(out, edit{name: f.opts.SecretHeader, remove: true})
	}
	originals := f.opts.originalNames()
	// Behind another forwarder they are that one's, and the peer is a client.
	if c.untrusted && !st.forwarded() {
		for _, name := range originals {
			if len(m.values(name)) > 0 {
				out = append(out, edit{name: name, remove: true})
			}
		}
	}
	if c.taken == 0 {
		return out
	}
	// Like ASP.NET: the address counts as taken whenever anything was, so that X-Original-For is always there.
	applied := c.taken
	if f.opts.Headers&For != 0 && c.remote.IsValid() {
		applied |= For
	}
	before := [4]string{"", m.scheme, m.host, encodePrefix(m.pathBase)}
	if m.peer.endpoint.IsValid() {
		before[0] = m.peer.endpoint.String()
	}
	for i, name := range f.opts.forwardedNames() {
		header := Headers(1 << i)
		if applied&header == 0 {
			continue
		}
		if before[i] != "" || header&(Proto|Host) != 0 {
			out = append(out, edit{name: originals[i], value: before[i]})
		}
		rest := joinList(c.rest[i])
		out = append(out, edit{name: name, value: rest, remove: rest == ""})
	}
	return out
}
