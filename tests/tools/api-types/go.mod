module api-types

go 1.26
