"""The facts of the API specification, section 3, row by row, to hold the data files against."""

# ruff: noqa: E501  (a row is a line)

CORE = """\
plex* | Plex Media Server | — | — | no | https://dumbarr.com/services/core/plex-media-server
jellyfin* | Jellyfin Media Server | — | — | no | https://dumbarr.com/services/core/jellyfin
emby* | Emby Media Server | — | — | no | https://dumbarr.com/services/core/emby
cli_debrid* | CLID | zurg, rclone, cli_battery, phalanx_db | RealDebrid | no | https://dumbarr.com/services/core/cli-debrid
decypharr* | Decypharr | rclone | RealDebrid, AllDebrid, Debrid Link, TorBox | no | https://dumbarr.com/services/core/decypharr
nzbdav* | NzbDAV | rclone | — | no | https://dumbarr.com/services/core/nzbdav/
riven_backend* | Riven | zurg, rclone, postgres | RealDebrid | no | https://dumbarr.com/services/core/riven-backend
radarr* | Radarr | — | — | yes | https://dumbarr.com/services/core/radarr
sonarr* | Sonarr | — | — | yes | https://dumbarr.com/services/core/sonarr
lidarr* | Lidarr | — | — | yes | https://dumbarr.com/services/core/lidarr
prowlarr* | Prowlarr | — | — | yes | https://dumbarr.com/services/core/prowlarr
whisparr* | Whisparr | — | — | yes | https://dumbarr.com/services/core/whisparr
seerr* | Seerr | — | — | yes | https://dumbarr.com/services/core/seerr/
huntarr* | Huntarr | — | — | yes | https://dumbarr.com/services/core/huntarr/
profilarr* | Profilarr | — | — | yes | https://dumbarr.com/services/core/profilarr
tautulli | Tautulli | — | — | no | —
pgadmin | pgAdmin | — | — | no | —
riven_frontend | Riven Frontend | — | — | no | —
zilean | Zilean | — | — | no | —
postgres | PostgreSQL | — | — | no | —
rclone | rclone | — | — | yes | —
zurg | Zurg | — | — | yes | —
traefik | Traefik | — | — | no | —
dumb_api_service | DUMB API | — | — | no | —
dumb_frontend | DUMB Frontend | — | — | no | —
cli_battery | CLI Battery | — | — | no | —
phalanx_db | Phalanx DB | — | — | no | —
plex_debrid* | Plex Debrid | zurg, rclone | RealDebrid | no | https://dumbarr.com/services/core/plex-debrid
"""
"""Section 3.1: key (* may be named in a start), name, needs, debrid providers, several instances, documentation."""

BLOCKS = """\
dumb.api_service | single | DUMB API | 8000 | 127.0.0.1 | — | — | —
dumb.frontend | single | DUMB Frontend | 3005 | 0.0.0.0 | /dumb/frontend | — | /log/dumb_frontend.log
traefik | single | Traefik | 18080 | — | /config/traefik | /config/traefik/traefik.yml | /log/traefik.log
cli_debrid | single | CLI Debrid | 5000 | — | /cli_debrid | /cli_debrid/data/config/config.json | /cli_debrid/data/logs/debug.log
cli_battery | single | CLI Battery | 5001 | — | /cli_debrid | /cli_debrid/data/config/settings.json | /cli_debrid/data/logs/battery_debug.log
decypharr | single | Decypharr | 8282 | — | /decypharr | /decypharr/config.json | /decypharr/logs/decypharr.log
nzbdav | single | NzbDAV | frontend 3000, backend 8080 | — | /nzbdav | — | /log/nzbdav.log
emby | single | Emby Media Server | 8096 | — | /emby | /emby/config/system.xml | /emby/log/embyserver.txt
jellyfin | single | Jellyfin Media Server | 8096 | — | /jellyfin | /jellyfin/config/system.xml | /jellyfin/log/jellyfin.log
lidarr | instances (Default) | Lidarr | 8686 | — | /lidarr/default | /lidarr/default/config.xml | /lidarr/default/logs/lidarr.txt
phalanx_db | single | Phalanx DB | 8888 | — | /phalanx_db | — | /log/phalanx_db.log
plex | single | Plex Media Server | 32400 | — | /plex | /plex/Plex Media Server/Preferences.xml | /plex/Plex Media Server/Logs/Plex Media Server.log
tautulli | single | Tautulli | 8181 | — | /tautulli | /tautulli/data/config.ini | /tautulli/data/logs/tautulli.log
huntarr | instances (Default) | Huntarr | 9705 | — | /huntarr/default | /huntarr/default/config/huntarr.db | /huntarr/default/config/logs/huntarr.log
profilarr | instances (Default) | Profilarr | 6868 | — | /profilarr/default | — | /profilarr/default/config/log/profilarr.log
seerr | instances (Default) | Seerr | 5055 | — | /seerr/default | /seerr/default/config/settings.json | /seerr/default/config/logs/jellyseerr.log
plex_debrid | single | Plex Debrid | — | — | /plex_debrid | /plex_debrid/config/settings.json | /plex_debrid/config/plex_debrid.log
postgres | single | PostgreSQL | 5432 | 127.0.0.1 | /postgres_data | /postgres_data/postgresql.conf | /log/postgres.log
pgadmin | single | pgAdmin4 | 5050 | — | /pgadmin/data | /pgadmin/data/config_local.py | /pgadmin/data/pgadmin4.log
prowlarr | instances (Default) | Prowlarr | 9696 | — | /prowlarr/default | /prowlarr/default/config.xml | /prowlarr/default/logs/prowlarr.txt
rclone | instances (RealDebrid) | rclone w/ RealDebrid | — | — | /config | /config/rclone.config | /log/rclone_w_realdebrid.log
riven_backend | single | Riven Backend | 8080 | 127.0.0.1 | /riven/backend | /riven/backend/data/settings.json | /log/riven_backend.log
riven_frontend | single | Riven Frontend | 3000 | 0.0.0.0 | /riven/frontend | — | /log/riven_frontend.log
radarr | instances (Default) | Radarr | 7878 | — | /radarr/default | /radarr/default/config.xml | /radarr/default/logs/radarr.txt
sonarr | instances (Default) | Sonarr | 8989 | — | /sonarr/default | /sonarr/default/config.xml | /sonarr/default/logs/sonarr.txt
whisparr | instances (Default) | Whisparr | 6969 | — | /whisparr/default | /whisparr/default/config.xml | /whisparr/default/logs/whisparr.txt
zilean | single | Zilean | 8182 | 127.0.0.1 | /zilean | /zilean/app/data/settings.json | /log/zilean.log
zurg | instances (RealDebrid) | Zurg w/ RealDebrid | 9090 | 127.0.0.1 | /zurg/RD | /zurg/RD/config.yml | —
"""
"""Section 3.5: key, instance, process name, ports, host, config_dir, config_file, log_file."""

SOURCES = """\
dumb.frontend | nicocapalbo/dmbdb | v1.2.0 | main | pnpm | true | — | no
cli_debrid | godver3/cli_debrid | v0.6.07 | main | python | true | /cli_debrid/data | no
cli_battery | — | — | — | python | — | — | no
decypharr | sirrobot01/decypharr | v1.0.0 | main | — | false | — | no
nzbdav | nzbdav-dev/nzbdav | latest | main | pnpm, dotnet | false | — | no
emby | MediaBrowser/Emby.Releases | 4.8.11.0 | — | — | — | — | no
lidarr | Lidarr/Lidarr | latest | — | — | false | — | yes
phalanx_db | godver3/phalanx_db_hyperswarm | v0.50 | main | pnpm | true | /phalanx_db/data | no
tautulli | Tautulli/Tautulli | latest | master | python | true | /tautulli/data | no
huntarr | plexguide/Huntarr.io | latest | main | python | false | /huntarr/default/config | yes
profilarr | Dictionarry-Hub/profilarr | latest | main | python, pnpm | true | /profilarr/default/config | yes
seerr | seerr-team/seerr | latest | main | pnpm | true | /seerr/default/config | yes
plex_debrid | elfhosted/plex_debrid | — | main | python | true | /plex_debrid/config | no
prowlarr | Prowlarr/Prowlarr | latest | — | — | false | — | no
riven_backend | rivenmedia/riven | v0.20.1 | release-please--branches--main | python | true | /riven/backend/data | no
riven_frontend | rivenmedia/riven-frontend | v0.17.0 | release-please--branches--main | pnpm | true | — | no
radarr | Radarr/Radarr | latest | — | — | false | — | yes
sonarr | Sonarr/Sonarr | latest | — | — | false | — | yes
whisparr | Whisparr/Whisparr | latest | — | — | false | — | yes
zilean | iPromKnight/zilean | v3.3.0 | main | python, dotnet | true | /zilean/app/data | no
zurg | debridmediamanager/zurg-testing | v0.9.3-final | — | — | false | /zurg/RD | yes
rclone | — | — | — | — | — | — | yes
traefik, plex, jellyfin, postgres, pgadmin | — | — | — | — | — | — | no
"""
"""Section 3.5: key, repository, release, branch, platforms, clear_on_update, exclude_dirs, has core_service."""

LINKS = """\
dumb_api_service | https://github.com/I-am-PUID-0/DUMB | https://github.com/sponsors/I-am-PUID-0
dumb_frontend | — | null
rclone | https://rclone.org | https://rclone.org/sponsor/
pgadmin | https://www.pgadmin.org | https://www.pgadmin.org/donate/
postgres | https://www.postgresql.org | https://www.postgresql.org/about/donate/
cli_battery | https://github.com/godver3/cli_debrid/tree/main/cli_battery | https://github.com/sponsors/godver3
cli_debrid, phalanx_db | — | https://github.com/sponsors/godver3
decypharr | — | https://github.com/sponsors/sirrobot01
nzbdav, plex_debrid | — | null
plex | https://www.plex.tv/ | https://www.plex.tv/plex-pass/
jellyfin | https://jellyfin.org | https://opencollective.com/jellyfin
emby | https://emby.media | https://emby.media/premiere.html
sonarr | https://sonarr.tv/ | https://opencollective.com/sonarr
radarr | https://radarr.video | https://github.com/sponsors/Radarr
lidarr | https://lidarr.audio | https://github.com/sponsors/Lidarr
bazarr | https://www.bazarr.media | PayPal donation link https://www.paypal.com/cgi-bin/webscr?cmd=_s-xclick&hosted_button_id=XHHRWXT9YB7WE&source=url
prowlarr | https://prowlarr.com | https://github.com/sponsors/Prowlarr
readarr | https://readarr.com | https://readarr.com/donate
whisparr, whisparr-v3 | https://whisparr.com | https://opencollective.com/whisparr
tautulli | https://tautulli.com | https://tautulli.com/#donate
seerr | https://github.com/seerr-team/seerr | https://opencollective.com/seerr
profilarr | https://github.com/Dictionarry-Hub/profilarr | https://github.com/sponsors/Dictionarry-Hub
traefik | https://traefik.io/ | https://github.com/sponsors/traefik
huntarr | https://plexguide.github.io/Huntarr.io/ | https://plexguide.github.io/Huntarr.io/donate.html
riven_backend, riven_frontend | — | https://github.com/sponsors/dreulavelle/
zurg | — | https://github.com/sponsors/debridmediamanager
zilean | — | https://ko-fi.com/W7W616IBNG
"""
"""Section 3.6: key, repository, sponsorship."""
OPTIONS = {
    "plex": ["L", "U", ("port", 32400), ("plex_claim", ""), ("friendly_name", "DUMB")],
    "jellyfin": ["S", "U", ("port", 8096)],
    "emby": ["R", "L", "U", ("port", 8096)],
    "cli_debrid": ["R", "B", "L", "U", "Y cli-debrid clid_symlinks", ("port", 5000)],
    "decypharr": [
        *("R", "B", "L", "U", "Y decypharr decypharr_symlinks"),
        *(("port", 8282), ("mount_type", "dfs"), ("mount_path", "/mnt/debrid/decypharr")),
    ],
    "nzbdav": [
        *("R", "B", "L", "U", "Y nzbdav nzbdav-symlinks"),
        *(("frontend_port", 3000), ("backend_port", 8080), ("webdav_password", "")),
    ],
    "riven_backend": ["R", "B", "L", "U", "Y riven-backend riven_symlinks", ("port", 8080)],
    "radarr": ["R", "S", "U", ("core_service", ""), ("use_huntarr", False), ("use_profilarr", False), ("port", 7878)],
    "sonarr": ["R", "S", "U", ("core_service", ""), ("use_huntarr", False), ("use_profilarr", False), ("port", 8989)],
    "lidarr": ["R", "S", "U", ("core_service", ""), ("use_huntarr", False), ("port", 8686)],
    "whisparr": ["R", "S", "U", ("core_service", ""), ("use_huntarr", False), ("port", 6969)],
    "prowlarr": ["R", "S", "U", ("port", 9696)],
    "seerr": ["R", "B", "L", "U", ("core_service", ""), ("port", 5055)],
    "huntarr": ["R", "B", "L", "U", ("core_service", ""), ("port", 9705)],
    "profilarr": ["R", "B", "L", "U", ("core_service", ""), ("port", 6868)],
    "tautulli": ["R", "B", "L", "U", ("port", 8181)],
    "pgadmin": [("port", 5050), ("setup_email", "DUMB@DUMB.DUMB"), ("setup_password", "postgres")],
    "riven_frontend": ["R", "B", "L", "U", ("port", 3000), ("origin", "")],
    "zilean": ["R", "B", "L", "U", ("port", 8182)],
    "postgres": ["L", ("port", 5432)],
    "rclone": ["L", ("core_service", "")],
    "zurg": ["R", "L", "U", ("core_service", ""), ("port", 9090)],
    "traefik": ["L", ("port", 18080)],
    "cli_battery": ["L", ("port", 5001)],
    "phalanx_db": ["R", "B", "L", "U", ("port", 8888)],
    "plex_debrid": ["O", "B", "L", "U"],
    "dumb_api_service": [],
    "dumb_frontend": [],
}
"""Section 3.3, with its abbreviations; O: `repo_owner, repo_name`."""

CORE_MAP = (
    *("riven_backend", "cli_debrid", "plex_debrid", "decypharr", "nzbdav"),
    *("plex", "jellyfin", "emby", "sonarr", "radarr", "lidarr", "bazarr", "prowlarr", "whisparr"),
    *("seerr", "huntarr", "profilarr"),
)
"""Section 2.4: the core services in the order of the graph."""

ARRS = ("sonarr", "radarr", "lidarr", "whisparr")
CONDITIONAL = {
    "riven_backend": ["postgres always"],
    "riven_frontend": ["riven_backend always"],
    "zilean": ["postgres always"],
    "pgadmin": ["postgres always"],
    "tautulli": ["plex enabled"],
    "seerr": ["plex enabled", "jellyfin enabled", "emby enabled"],
    "prowlarr": [f"{key} enabled" for key in ARRS],
    "profilarr": [f"{key} enabled" for key in ARRS],
    "huntarr": [f"{key} flag use_huntarr" for key in ARRS],
    "rclone": ["zurg own_flag", "decypharr own_flag", "nzbdav own_flag"],
}
"""Section 2.4: what is needed on a condition."""

FALLBACK_PORTS = {
    "radarr": 7878,
    "sonarr": 8989,
    "prowlarr": 9696,
    "lidarr": 8686,
    "whisparr": 6969,
    "bazarr": 6767,
    "jellyfin": 8096,
    "plex": 32400,
    "emby": 8096,
    "tautulli": 8181,
    "seerr": 5055,
    "huntarr": 9705,
    "profilarr": 6868,
}
"""Section 3.5; anything else: 7000."""

ALIASES = {
    "plex media server": "plex",
    "jellyfin media server": "jellyfin",
    "emby media server": "emby",
    "clid": "cli_debrid",
    "riven": "riven_backend",
    "riven frontend": "riven_frontend",
    "postgresql": "postgres",
    "dumb api": "dumb_api_service",
    "dumb frontend": "dumb_frontend",
    "cli battery": "cli_battery",
    "phalanx db": "phalanx_db",
    "plex debrid": "plex_debrid",
}
"""Section 3.7."""

OPTIONAL = [
    ("zilean", "Zilean", "https://dumbarr.com/services/optional/zilean"),
    ("pgadmin", "PgAdmin", "https://dumbarr.com/services/optional/pgadmin"),
    ("postgres", "Postgres", "https://dumbarr.com/services/dependent/postgres"),
    ("riven_frontend", "Riven Frontend", "https://dumbarr.com/services/optional/riven-frontend"),
    ("tautulli", "Tautulli", "https://github.com/Tautulli/Tautulli"),
]
"""Section 3.2."""
