//! The API as JavaScript sees it: the functions and classes that the engine worker calls, the objects they take and give.

mod adapters;
mod background;
mod cache;
mod constraint;
mod error;
mod event;
mod inspect;
mod load;
mod model;
mod options;
mod prefix;
mod probe;
mod requests;
mod response_key;
mod self_test;
mod stats;
mod tokenize;
mod trial;
