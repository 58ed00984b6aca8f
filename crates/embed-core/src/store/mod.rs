//! Files of our own.
