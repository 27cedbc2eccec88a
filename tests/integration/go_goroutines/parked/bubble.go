//go:build go1.25

package main

import (
	"testing"
	"testing/synctest"
)

// The second bubble stays.
func begin() {
	test := func(t *testing.T) {
		synctest.Test(t, func(*testing.T) {})
		synctest.Test(t, func(*testing.T) { inBubble() })
	}
	match := func(string, string) (bool, error) { return true, nil }
	go testing.Main(match, []testing.InternalTest{{Name: "bubble", F: test}}, nil, nil)
}
