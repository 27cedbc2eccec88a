// pprof: a program that serves /debug/pprof/ itself.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"
)

func ticker() {
	for {
		time.Sleep(10 * time.Millisecond)
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go ticker()
	fmt.Println("ready")
	http.Serve(l, nil)
}
