// Package standardwebhooks stands in for the official library: what the receiver in Go calls of it.
package standardwebhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const patience = 5 * time.Minute

// Webhook verifies with one secret.
type Webhook struct{ key []byte }

// NewWebhook reads a secret: base64, with whsec_ before it or without.
func NewWebhook(secret string) (*Webhook, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("not a secret")
	}
	return &Webhook{key}, nil
}

// Verify returns an error unless one of the signatures is right and the timestamp near.
func (w *Webhook) Verify(body []byte, header http.Header) error {
	id, sent := header.Get("webhook-id"), header.Get("webhook-timestamp")
	at, err := strconv.ParseInt(sent, 10, 64)
	if id == "" || err != nil {
		return errors.New("a header is missing or invalid")
	}
	if age := time.Since(time.Unix(at, 0)); age > patience || age < -patience {
		return errors.New("not sent now")
	}
	mac := hmac.New(sha256.New, w.key)
	mac.Write(append([]byte(id+"."+sent+"."), body...))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(signature), []byte(want)) {
			return nil
		}
	}
	return errors.New("no signature is right")
}
