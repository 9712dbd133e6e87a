//! Make room in a full group: the REST calls that it takes, without IO.
