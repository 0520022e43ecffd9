//! Integration tests of `signing`, as one program.

mod conformance;
