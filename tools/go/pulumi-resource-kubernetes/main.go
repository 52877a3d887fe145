// Pulumi's Kubernetes provider. Its own main embeds a schema that only a release build generates; `pulumi up`
// with the Python SDK does without it, so an empty one serves.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

func main() {
	provider.Serve("kubernetes", version.Version, []byte("{}"), []byte("{}"))
}
