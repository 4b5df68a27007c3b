//! Runners for real agents: process-tree handling and the shell agent.
