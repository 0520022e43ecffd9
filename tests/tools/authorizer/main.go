// Authorizer answers as an API server does, by Kubernetes' own code and without a server:
// requests by its Node and RBAC authorizers (after its controller of aggregation ran), and
// tokens by its authentication configuration. It reads one JSON document from standard
// input and writes one to standard output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"k8s.io/klog/v2"
)

// question is what is read.
type question struct {
	// Roles, bindings, pods and volumes.
	Objects []json.RawMessage `json:"objects"`
	// Whether the controller of aggregation runs first.
	Aggregate bool      `json:"aggregate"`
	Requests  []request `json:"requests"`
	Tokens    []login   `json:"tokens"`
}

// answer is what is written.
type answer struct {
	Allowed []bool `json:"allowed"`
	// ClusterRoles after aggregation.
	ClusterRoles any       `json:"clusterRoles,omitempty"`
	Tokens       []outcome `json:"tokens"`
}

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("reading the question: %w", err)
	}
	ctx := context.Background()
	said := answer{Allowed: []bool{}, Tokens: []outcome{}}
	if len(asked.Objects) > 0 || len(asked.Requests) > 0 {
		if err := authorize(ctx, &asked, &said); err != nil {
			return err
		}
	}
	for i := range asked.Tokens {
		said.Tokens = append(said.Tokens, authenticate(ctx, &asked.Tokens[i]))
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}
