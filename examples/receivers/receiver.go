// Receives signed events in Go: verifies, answers, and does the work afterwards.
//
//	go mod init receiver && go get github.com/standard-webhooks/standard-webhooks/libraries/go
//	WEBHOOK_SECRET=whsec_... PORT=8080 go run receiver.go
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Work is an event whose signature is right.
type Work struct{ id, kind string }

func main() {
	secret := os.Getenv("WEBHOOK_SECRET")
	webhook, err := standardwebhooks.NewWebhook(secret)
	// A secret has at least 24 bytes, which are 32 characters; some versions of the library accept an empty one.
	if err != nil || len(secret) < 32 {
		panic("WEBHOOK_SECRET is not a secret")
	}
	queue := make(chan Work, 1000) // When so many wait, the answers wait too.
	go handle(queue)
	var seen sync.Map // Forget ids after a few days. With more than one process, keep them in a table that all see.
	http.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		// The bytes as they came: the signature is over them.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		var event struct{ Type string }
		if err != nil || webhook.Verify(body, r.Header) != nil || json.Unmarshal(body, &event) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		id := r.Header.Get("webhook-id")
		if _, known := seen.LoadOrStore(id, true); !known {
			queue <- Work{id, event.Type}
		}
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// What takes time.
func handle(queue chan Work) {
	for work := range queue {
		fmt.Println("event", work.id, work.kind)
	}
}
