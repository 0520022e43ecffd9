# The agent for nodes: one static program. `cargo xtask dist` makes the context:
#   docker build -f deploy/image/agent.Dockerfile -t pavisade-agent:0.1.0 target/dist/image
FROM scratch
COPY pavisade-agent /usr/bin/pavisade-agent
# Loading eBPF needs root with capabilities; the manifests drop all others.
USER 0:0
ENTRYPOINT ["/usr/bin/pavisade-agent"]
