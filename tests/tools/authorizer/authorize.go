package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/auth/nodeidentifier"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/registry/rbac/validation"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/node"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

// request is what a SubjectAccessReview asks.
type request struct {
	User        string   `json:"user"`
	Groups      []string `json:"groups"`
	Verb        string   `json:"verb"`
	Path        string   `json:"path"`
	Group       string   `json:"group"`
	Resource    string   `json:"resource"`
	Subresource string   `json:"subresource"`
	Namespace   string   `json:"namespace"`
	Name        string   `json:"name"`
}

type objects struct {
	roles               []*rbacv1.Role
	roleBindings        []*rbacv1.RoleBinding
	clusterRoles        []*rbacv1.ClusterRole
	clusterRoleBindings []*rbacv1.ClusterRoleBinding
	pods                []*corev1.Pod
	volumes             []*corev1.PersistentVolume
}

func read(raw []json.RawMessage) (*objects, error) {
	var all objects
	for _, text := range raw {
		var kind v1.TypeMeta
		if err := json.Unmarshal(text, &kind); err != nil {
			return nil, err
		}
		var err error
		switch kind.Kind {
		case "Role":
			all.roles, err = add(all.roles, text)
		case "RoleBinding":
			all.roleBindings, err = add(all.roleBindings, text)
		case "ClusterRole":
			all.clusterRoles, err = add(all.clusterRoles, text)
		case "ClusterRoleBinding":
			all.clusterRoleBindings, err = add(all.clusterRoleBindings, text)
		case "Pod":
			all.pods, err = add(all.pods, text)
		case "PersistentVolume":
			all.volumes, err = add(all.volumes, text)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a %s: %w", kind.Kind, err)
		}
	}
	return &all, nil
}

func add[T any](list []*T, text []byte) ([]*T, error) {
	var one T
	err := json.Unmarshal(text, &one)
	return append(list, &one), err
}

func authorize(ctx context.Context, asked *question, said *answer) error {
	all, err := read(asked.Objects)
	if err != nil {
		return err
	}
	if asked.Aggregate {
		if all.clusterRoles, err = aggregate(ctx, all.clusterRoles); err != nil {
			return err
		}
		said.ClusterRoles = all.clusterRoles
	}
	_, static := validation.NewTestRuleResolver(all.roles, all.roleBindings, all.clusterRoles, all.clusterRoleBindings)
	graph := node.NewGraph()
	for _, pod := range all.pods {
		// As the informer of an API server does.
		if pod.Spec.NodeName != "" {
			graph.AddPod(pod)
		}
	}
	for _, volume := range all.volumes {
		graph.AddPV(volume)
	}
	// In the order of an API server: the group that bypasses all, Node, RBAC.
	chain := []authorizer.Authorizer{
		authorizerfactory.NewPrivilegedGroups(user.SystemPrivilegedGroup),
		node.NewAuthorizer(graph, nodeidentifier.NewDefaultNodeIdentifier(), bootstrappolicy.NodeRules()),
		rbac.New(static, static, static, static),
	}
	for _, one := range asked.Requests {
		attributes := authorizer.AttributesRecord{
			User:            &user.DefaultInfo{Name: one.User, Groups: one.Groups},
			Verb:            one.Verb,
			Path:            one.Path,
			APIGroup:        one.Group,
			APIVersion:      "*",
			Resource:        one.Resource,
			Subresource:     one.Subresource,
			Namespace:       one.Namespace,
			Name:            one.Name,
			ResourceRequest: one.Path == "",
		}
		allowed := false
		for _, next := range chain {
			decision, _, _ := next.Authorize(ctx, attributes)
			if decision != authorizer.DecisionNoOpinion {
				allowed = decision == authorizer.DecisionAllow
				break
			}
		}
		said.Allowed = append(said.Allowed, allowed)
	}
	return nil
}

// aggregate runs Kubernetes' own controller until nothing changes any more.
func aggregate(ctx context.Context, roles []*rbacv1.ClusterRole) ([]*rbacv1.ClusterRole, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	made := make([]runtime.Object, len(roles))
	for i, role := range roles {
		made[i] = role
	}
	client := fake.NewClientset(made...)
	factory := informers.NewSharedInformerFactory(client, 0)
	controller := clusterroleaggregation.NewClusterRoleAggregation(factory.Rbac().V1().ClusterRoles(), client.RbacV1())
	factory.Start(ctx.Done())
	go controller.Run(ctx, 2)
	last, still := "", 0
	for range 600 {
		time.Sleep(200 * time.Millisecond)
		list, err := client.RbacV1().ClusterRoles().List(ctx, v1.ListOptions{})
		if err != nil {
			return nil, err
		}
		now, err := json.Marshal(list.Items)
		if err != nil {
			return nil, err
		}
		if string(now) != last {
			last, still = string(now), 0
			continue
		}
		if still++; still == 10 {
			all := make([]*rbacv1.ClusterRole, len(list.Items))
			for i := range list.Items {
				all[i] = &list.Items[i]
			}
			return all, nil
		}
	}
	return nil, fmt.Errorf("aggregated roles never came to rest")
}
