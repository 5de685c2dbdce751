package fleet_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestRecipes: the manifest is YAML that says what a job of workers needs, and the container is built from what is here.
func TestRecipes(t *testing.T) {
	text, err := os.ReadFile("../../scripts/fleet/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Spec       struct {
			Parallelism  int
			BackoffLimit int `yaml:"backoffLimit"`
			Template     struct {
				Metadata struct{ Labels map[string]string }
				Spec     struct {
					RestartPolicy string `yaml:"restartPolicy"`
					Containers    []struct {
						Name, Image  string
						Args         []string
						Resources    map[string]map[string]string
						VolumeMounts []struct {
							Name      string
							MountPath string `yaml:"mountPath"`
							ReadOnly  bool   `yaml:"readOnly"`
						} `yaml:"volumeMounts"`
					}
					Volumes []struct {
						Name   string
						Secret struct {
							SecretName string `yaml:"secretName"`
						}
					}
				}
			}
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&job); err != nil {
		t.Fatal(err)
	}
	spec := job.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || len(spec.Containers) != 1 || spec.RestartPolicy != "OnFailure" {
		t.Fatalf("%+v", job)
	}
	c := spec.Containers[0]
	if !strings.HasPrefix(c.Args[0], "tls://") || c.VolumeMounts[0].Name != spec.Volumes[0].Name || !strings.HasPrefix(c.Args[2], c.VolumeMounts[0].MountPath+"/") {
		t.Errorf("%+v", c)
	}
	docker, err := os.ReadFile("../../scripts/fleet/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\./cmd/\S+`).FindAllString(string(docker), -1) {
		if _, err := os.Stat("../../" + m); err != nil {
			t.Error(err)
		}
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))
	if !strings.Contains(string(docker), "FROM golang:"+version[1]+" ") {
		t.Errorf("the container is not built with go %s", version[1])
	}
}
