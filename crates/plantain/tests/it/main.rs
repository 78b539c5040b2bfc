//! The whole product from outside: the real binary, real HTTP, real signals; and the rules that the repository keeps.

mod arrows;
mod avif;
mod bad_input;
mod bed;
mod broken;
mod browser;
mod bulk;
mod commands;
mod deliveries;
mod drills;
mod durable;
mod endpoints;
mod full_disk;
mod generate;
mod kill;
mod licences;
mod lifecycle;
mod official;
mod roles;
mod signing;
mod tidy;
mod tls;
mod webhooks;
