"""The multi-task adapter and the hypernetwork that emits factors one by one."""
