module pavisade.dev/tests/tools/testbed

go 1.26.0
