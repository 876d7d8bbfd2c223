package handover

import "fmt"

// Kind is the number of a message on the wire. A number is never used for
// another message, in any version.
type Kind uint8

// The host sends kinds below 64, the worker kinds from 64 on.
const (
	KindHello    Kind = 1
	KindListen   Kind = 2
	KindUnlisten Kind = 3
	KindConn     Kind = 4
	KindConfig   Kind = 5
	KindDrain    Kind = 6
	KindPing     Kind = 7
	// Since version 1.2: TLS ended in the worker.
	KindTicketKeys Kind = 8
	KindSignResult Kind = 9
	KindCredential Kind = 10

	KindReady    Kind = 64
	KindAccepted Kind = 65
	KindReturn   Kind = 66
	KindDone     Kind = 67
	KindStatus   Kind = 68
	KindPong     Kind = 69
	KindFailed   Kind = 70
	KindRegister Kind = 71
	KindSign     Kind = 72 // since version 1.2
)

// firstWorkerKind divides the numbers between the two senders.
const firstWorkerKind Kind = 64

// carriage says whether a message brings a descriptor along.
type carriage uint8

const (
	never carriage = iota
	always
	optional
)

type kindInfo struct {
	name       string
	descriptor carriage
	make       func() Message
}

var kinds = map[Kind]kindInfo{
	KindHello:      {"HELLO", optional, func() Message { return new(Hello) }},
	KindListen:     {"LISTEN", always, func() Message { return new(Listen) }},
	KindUnlisten:   {"UNLISTEN", never, func() Message { return new(Unlisten) }},
	KindConn:       {"CONN", always, func() Message { return new(Conn) }},
	KindConfig:     {"CONFIG", never, func() Message { return new(Config) }},
	KindDrain:      {"DRAIN", never, func() Message { return new(Drain) }},
	KindPing:       {"PING", never, func() Message { return new(Ping) }},
	KindTicketKeys: {"TICKET_KEYS", never, func() Message { return new(TicketKeys) }},
	KindSignResult: {"SIGN_RESULT", never, func() Message { return new(SignResult) }},
	KindCredential: {"CREDENTIAL", never, func() Message { return new(Credential) }},
	KindReady:      {"READY", never, func() Message { return new(Ready) }},
	KindAccepted:   {"ACCEPTED", never, func() Message { return new(Accepted) }},
	KindReturn:     {"RETURN", always, func() Message { return new(Return) }},
	KindDone:       {"DONE", never, func() Message { return new(Done) }},
	KindStatus:     {"STATUS", never, func() Message { return new(Status) }},
	KindPong:       {"PONG", never, func() Message { return new(Pong) }},
	KindFailed:     {"FAILED", never, func() Message { return new(Failed) }},
	KindRegister:   {"REGISTER", always, func() Message { return new(Register) }},
	KindSign:       {"SIGN", never, func() Message { return new(Sign) }},
}

// String returns the message's name in upper case, as DESIGN.md writes it.
func (k Kind) String() string {
	if info, ok := kinds[k]; ok {
		return info.name
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// sender returns the side that sends messages of kind k.
func (k Kind) sender() Side {
	if k < firstWorkerKind {
		return Host
	}
	return Worker
}
