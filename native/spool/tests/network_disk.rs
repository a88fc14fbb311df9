//! A directory on a network file system is named before it is used: as if the system said so of a local one
//! (`network_disk/statfs.c`).
#![allow(clippy::unwrap_used)]

mod common;

use std::env;

use common::preloaded;

const TYPE: &str = "TYPE";

#[test]
fn a_network_file_system_is_named() {
    let path = tempfile::tempdir().unwrap();
    let directory = path.path().join("spool");
    let concern = spool::concern(&directory);
    if env::var_os(TYPE).is_some() {
        assert!(spool::is_network_file_system(path.path()));
        let concern = concern.unwrap();
        assert!(concern.contains("network file system"), "{concern}");
        return;
    }
    assert!(!spool::is_network_file_system(path.path()));
    assert_eq!(concern, None);
    // NFS, CIFS and SMB 3, sshfs.
    for magic in ["6969", "ff534d42", "fe534d42", "65735546"] {
        let set = [(TYPE, magic.into())];
        let case = "a_network_file_system_is_named";
        preloaded(case, "tests/network_disk/statfs.c", &set);
    }
}
