# Everything here is also reachable without make: see scripts/ and .ci/run.

.PHONY: demo test lint fuzz bench build nethttp-suite

build:
	go build -o bin/lanner ./cmd/lanner

demo:
	sh scripts/demo

test:
	sh scripts/test

lint:
	sh scripts/lint

fuzz:
	sh scripts/fuzz 60s

bench:
	sh scripts/bench

nethttp-suite:
	go run ./test/nethttp
