package main

import (
	"context"
	"fmt"

	gooidc "github.com/coreos/go-oidc"
	"gopkg.in/go-jose/go-jose.v2"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

// login is a token that is given to a configuration.
type login struct {
	Configuration string             `json:"configuration"`
	Token         string             `json:"token"`
	Keys          jose.JSONWebKeySet `json:"keys"`
}

// outcome is what became of it.
type outcome struct {
	// Whether the API server starts with the configuration.
	Valid    bool     `json:"valid"`
	Accepted bool     `json:"accepted"`
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
	Why      string   `json:"why"`
}

// keys verifies by keys that are given instead of fetched.
type keys struct{ set jose.JSONWebKeySet }

func (k keys) VerifySignature(_ context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token)
	if err != nil {
		return nil, err
	}
	id := ""
	for _, signature := range signed.Signatures {
		id = signature.Header.KeyID
	}
	for _, key := range k.set.Keys {
		if id != "" && key.KeyID != "" && key.KeyID != id {
			continue
		}
		if payload, err := signed.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("failed to verify id token signature")
}

var _ gooidc.KeySet = keys{}

func load(text string) (*apiserver.AuthenticationConfiguration, error) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	decoded, err := runtime.Decode(codecs.UniversalDecoder(), []byte(text))
	if err != nil {
		return nil, err
	}
	configuration, ok := decoded.(*apiserver.AuthenticationConfiguration)
	if !ok {
		return nil, fmt.Errorf("a %T", decoded)
	}
	return configuration, nil
}

func authenticate(ctx context.Context, one *login) outcome {
	configuration, err := load(one.Configuration)
	if err != nil {
		return outcome{Why: err.Error()}
	}
	compiler := authenticationcel.NewDefaultCompiler()
	disallowed := []string{"https://kubernetes.default.svc.cluster.local"}
	if errs := validation.ValidateAuthenticationConfiguration(compiler, configuration, disallowed); len(errs) > 0 {
		return outcome{Why: errs.ToAggregate().Error()}
	}
	said := outcome{Valid: true, Groups: []string{}}
	for _, jwt := range configuration.JWT {
		// A discovery URL and given keys exclude each other; keys are what counts here.
		jwt.Issuer.DiscoveryURL = ""
		authenticator, err := oidc.New(ctx, oidc.Options{
			JWTAuthenticator:     jwt,
			KeySet:               keys{one.Keys},
			Compiler:             compiler,
			SupportedSigningAlgs: oidc.AllValidSigningAlgorithms(),
			DisallowedIssuers:    disallowed,
			APIServerID:          "test",
		})
		if err != nil {
			return outcome{Why: err.Error()}
		}
		response, ok, err := authenticator.AuthenticateToken(ctx, one.Token)
		if err != nil {
			said.Why = err.Error()
		}
		if ok && err == nil {
			said.Accepted = true
			said.Username, said.Groups = response.User.GetName(), response.User.GetGroups()
			return said
		}
	}
	return said
}
