//! What only the store on a disk promises.
