//go:build goexperiment.synctest && !go1.25

package main

import "testing/synctest"

func begin() { go synctest.Run(inBubble) }
