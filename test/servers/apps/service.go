// A web service with Go's net/http: FOLDER PLAIN SECURE CLOSING. The last port closes after each answer.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	file, err := os.OpenFile(os.Getenv("RECORDS"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/notifications", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fields := map[string]string{"host": r.Host, "type": r.Header.Get("Content-Type")}
		for _, name := range []string{"author", "server", "receiver", "message"} {
			fields[name] = r.PostForm.Get(name)
		}
		line, _ := json.Marshal(fields)
		if _, err := file.Write(append(line, '\n')); err != nil {
			log.Fatal(err)
		}
	})
	routes.HandleFunc("/limited", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 100_000)
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	routes.HandleFunc("/private", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusUnauthorized)
	})
	folder, addresses := os.Args[1], os.Args[2:]
	server := func(address string) *http.Server {
		return &http.Server{Addr: "127.0.0.1:" + address, Handler: routes, IdleTimeout: time.Second}
	}
	closing := server(addresses[2])
	closing.SetKeepAlivesEnabled(false)
	go func() { log.Fatal(server(addresses[0]).ListenAndServe()) }()
	go func() { log.Fatal(closing.ListenAndServe()) }()
	log.Fatal(server(addresses[1]).ListenAndServeTLS(folder+"/server.pem", folder+"/server.key"))
}
