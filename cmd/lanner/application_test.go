package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

// application is what the test binary is under a host: any program that listens on PORT.
func application() {
	fmt.Println("application started")
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
	}))
	fmt.Println(err)
	os.Exit(1)
}
