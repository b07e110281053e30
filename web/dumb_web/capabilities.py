"""`GET /process/capabilities`: which features exist; clients hide what is false, and believe what is true."""

import attrs

from dumb_web.context import Web
from dumb_web.routes import Route

__all__ = ["ROUTES"]


@attrs.frozen(kw_only=True)
class Capabilities:
    """The features of the Process Management API, and which of them this server has."""

    optional_only_onboarding: bool = False
    optional_service_options: bool = False
    manual_update_check: bool = False
    seerr_sync: bool = False
    auto_update_start_time: bool = False
    symlink_repair: bool = False
    symlink_repair_async: bool = False
    symlink_manifest_backup: bool = False
    symlink_manifest_backup_async: bool = False
    symlink_job_status: bool = False
    symlink_job_latest: bool = False
    symlink_manifest_restore: bool = False
    symlink_manifest_restore_async: bool = False
    symlink_manifest_compare: bool = False
    symlink_backup_schedule: bool = False
    symlink_backup_manifest_list: bool = False
    symlink_manifest_file_list: bool = False


async def capabilities(web: Web) -> Capabilities:
    """Tell which features exist."""
    return Capabilities()


ROUTES = (Route("GET", "/process/capabilities", capabilities),)
