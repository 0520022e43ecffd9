// Testbed is the one program of ours that runs in test clusters: the first process of
// nodes and pods, the way from a node to the API server, and a server and a client for
// tests. It is linked statically and needs no other file.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const usage = `testbed pause                       waits, and reaps what is left to it
testbed forward NAMESPACE FROM TO   listens in a network namespace, connects in this one
testbed serve ADDRESS TEXT          answers HTTP with a text and the host's name
testbed get URL                     prints what HTTP answers
testbed api PATH                    asks the API server as the pod's ServiceAccount
testbed print TEXT…                 prints, then waits
testbed write FILE TEXT             writes a file
testbed read FILE                   prints a file
testbed run PROGRAM ARGUMENT…       runs another program`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	what := func(name string, least int) bool {
		return len(args) > least && args[0] == name
	}
	switch {
	case what("pause", 0):
		pause()
		return nil
	case what("forward", 3):
		return forward(args[1], args[2], args[3])
	case what("serve", 2):
		return serve(args[1], args[2])
	case what("get", 1):
		return get(http.DefaultClient, args[1], "")
	case what("api", 1):
		return api(args[1])
	case what("print", 0):
		fmt.Println(strings.Join(args[1:], " "))
		pause()
		return nil
	case what("write", 2):
		return os.WriteFile(args[1], []byte(args[2]), 0o644)
	case what("read", 1):
		text, err := os.ReadFile(args[1])
		if err == nil {
			_, err = os.Stdout.Write(text)
		}
		return err
	case what("run", 1):
		command := exec.Command(args[1], args[2:]...)
		command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
		return command.Run()
	}
	return fmt.Errorf("want one of\n%s", usage)
}

// The first process of a namespace gets the orphans.
func pause() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	for got := range signals {
		if got != syscall.SIGCHLD {
			return
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}

func forward(namespace, from, to string) error {
	listener, err := listenIn(namespace, from)
	if err != nil {
		return err
	}
	for {
		near, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer near.Close()
			far, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer far.Close()
			go func() {
				_, _ = io.Copy(far, near)
				_ = far.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(near, far)
		}()
	}
}

// A socket belongs to the namespace in which it was made, whoever uses it later.
func listenIn(namespace, address string) (net.Listener, error) {
	type made struct {
		listener net.Listener
		err      error
	}
	done := make(chan made)
	go func() {
		// Never unlocked: the thread has changed and ends with this function.
		runtime.LockOSThread()
		var m made
		defer func() { done <- m }()
		file, err := os.Open(namespace)
		if err != nil {
			m.err = err
			return
		}
		defer file.Close()
		if _, _, errno := syscall.RawSyscall(setns, file.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
			m.err = fmt.Errorf("entering %s: %w", namespace, errno)
			return
		}
		m.listener, m.err = (&net.ListenConfig{}).Listen(context.Background(), "tcp4", address)
	}()
	m := <-done
	return m.listener, m.err
}

func serve(address, text string) error {
	host, _ := os.Hostname()
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s from %s\n", text, host)
	}))
}

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func api(path string) error {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	host := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	return get(client, "https://"+host+path, string(token))
}

func get(client *http.Client, url, token string) error {
	client.Timeout = 5 * time.Second
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", response.Status)
	}
	return err
}
