// Package v2 takes the place of the file of this name in the provider's Go SDK. The original has a typed resource for every
// kind of Kubernetes, which takes longer to compile than the rest of the provider; its callers register resources
// with untyped arguments and look at none of their outputs, so that one type serves for all. URNs stay the same.
package v2

import (
	"strings"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// IsListKind says whether a kind of Kubernetes itself is a list of others.
func IsListKind(apiVersion, kind string) bool {
	group, _, named := strings.Cut(apiVersion, "/")
	own := !named || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
	return own && strings.HasSuffix(kind, "List")
}

// RegisterResource registers an object of any kind under its own type token.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	if apiVersion == "v1" {
		apiVersion = "core/v1"
	}
	var res apiextensions.CustomResource
	if err := ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, props, &res, opts...); err != nil {
		return nil, err
	}
	return &res, nil
}
