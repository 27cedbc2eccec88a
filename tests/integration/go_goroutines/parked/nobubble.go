//go:build !go1.25 && !goexperiment.synctest

package main

const bubbles = 0

func begin() {}
