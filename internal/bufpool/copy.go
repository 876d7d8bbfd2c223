package bufpool

import "io"

// Copy writes what r yields to w, until its end, by a large buffer of the pool.
func Copy(w io.Writer, r io.Reader) (total int64, err error) {
	buf := Get(Large)
	defer Put(buf)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return total, werr
			}
			total += int64(n)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
