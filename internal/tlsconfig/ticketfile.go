package tlsconfig

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The file has a first line that says what it is, and a line for each key, the newest first: when it was made, in seconds since 1970, and the
// secret in base64.
const ticketFileHead = "lanner session ticket keys 1"

// maxTicketFile is more than any such file has.
const maxTicketFile = 4096

var errTicketFile = errors.New("it is not such a file, or not whole: remove it, and a new one is made; clients then make a whole handshake once")

func readTicketKeys(path string) ([]ticketKey, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("it is not a regular file: choose another path")
	}
	if err := privateToOwner(path, info); err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxTicketFile+1))
	if err != nil {
		return nil, nil, err
	}
	keys, err := parseTicketKeys(data)
	return keys, info, err
}

func parseTicketKeys(data []byte) ([]ticketKey, error) {
	rest, ok := bytes.CutPrefix(data, []byte(ticketFileHead+"\n"))
	if !ok || len(data) > maxTicketFile || !bytes.HasSuffix(rest, []byte("\n")) {
		return nil, errTicketFile
	}
	var keys []ticketKey
	for line := range strings.Lines(string(rest)) {
		when, secret, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		seconds, err := strconv.ParseInt(when, 10, 64)
		raw, err64 := base64.StdEncoding.Strict().DecodeString(secret)
		if !ok || err != nil || err64 != nil || len(raw) != 32 || strings.ContainsAny(secret, "\r\n") || seconds < 0 || seconds > 1<<40 {
			return nil, errTicketFile // not with what it has: that is secret
		}
		keys = append(keys, ticketKey{secret: [32]byte(raw), created: seconds})
	}
	if len(keys) == 0 || len(keys) > ticketKeysKept {
		return nil, errTicketFile
	}
	return keys, nil
}

func formatTicketKeys(keys []ticketKey) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, ticketFileHead)
	for _, k := range keys {
		fmt.Fprintln(&b, k.created, base64.StdEncoding.EncodeToString(k.secret[:]))
	}
	return b.Bytes()
}

// writeTicketKeys replaces the file: who reads it finds the old or the new one whole.
func writeTicketKeys(path string, keys []ticketKey) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(formatTicketKeys(keys))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
