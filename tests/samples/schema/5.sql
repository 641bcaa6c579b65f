-- A database as schema 5 left it, with a row or more in every table.
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE allowed (
        sha256 TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        at REAL NOT NULL
    , size INTEGER) WITHOUT ROWID;
INSERT INTO "allowed" VALUES('abababababababababababababababababababababababababababababababab','ours',1760000000.0,100);
CREATE TABLE counts (
        what TEXT NOT NULL,
        kind TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (what, kind)
    ) WITHOUT ROWID;
INSERT INTO "counts" VALUES('engines','0.0/0.1.12/0123456789ab',4);
INSERT INTO "counts" VALUES('files','malicious',1);
INSERT INTO "counts" VALUES('files','unsafe',2);
INSERT INTO "counts" VALUES('files','unverified',1);
INSERT INTO "counts" VALUES('intents','done',1);
INSERT INTO "counts" VALUES('intents','refused',1);
INSERT INTO "counts" VALUES('intents','wanted',1);
INSERT INTO "counts" VALUES('jobs','1',1);
INSERT INTO "counts" VALUES('jobs','2',1);
INSERT INTO "counts" VALUES('records','clean',1);
INSERT INTO "counts" VALUES('records','malicious',1);
INSERT INTO "counts" VALUES('records','unsafe',2);
INSERT INTO "counts" VALUES('records','unverified',1);
CREATE TABLE files (
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        engine TEXT NOT NULL,
        verdict TEXT NOT NULL,
        allowed INTEGER NOT NULL,
        record INTEGER NOT NULL,
        PRIMARY KEY (device, inode)
    ) WITHOUT ROWID;
INSERT INTO "files" VALUES(7,1,100,2,1,'0.0/0.1.12/0123456789ab','unverified',0,5);
INSERT INTO "files" VALUES(7,2,100,1,1,'0.0/0.1.12/0123456789ab','malicious',0,2);
INSERT INTO "files" VALUES(7,3,100,1,1,'0.0/0.1.12/0123456789ab','unsafe',0,3);
INSERT INTO "files" VALUES(7,4,100,1,1,'0.0/0.1.12/0123456789ab','unsafe',0,4);
CREATE TABLE intents (
        id INTEGER PRIMARY KEY,
        record INTEGER NOT NULL UNIQUE,
        state TEXT NOT NULL,
        item TEXT,
        reason TEXT,
        at REAL NOT NULL
    , cause TEXT);
INSERT INTO "intents" VALUES(1,2,'wanted',NULL,NULL,1760000000.0,NULL);
INSERT INTO "intents" VALUES(2,3,'done','item-1',NULL,1760000000.0,NULL);
INSERT INTO "intents" VALUES(3,4,'refused',NULL,'gone',1760000000.0,NULL);
CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        path BLOB NOT NULL,
        priority INTEGER NOT NULL,
        rank INTEGER NOT NULL,
        generation INTEGER NOT NULL DEFAULT 1, owner INTEGER NOT NULL DEFAULT 0,
        UNIQUE (device, inode)
    );
INSERT INTO "jobs" VALUES(1,7,5,100,1,1,X'2F6D2F6E65772E7074',1,1795417775452182531,1,0);
INSERT INTO "jobs" VALUES(2,7,6,100,1,1,X'2F6D2F6F6C64FF2E7074',2,1,1,0);
CREATE TABLE names (
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        path BLOB NOT NULL,
        PRIMARY KEY (device, inode, path)
    ) WITHOUT ROWID;
INSERT INTO "names" VALUES(7,1,X'2F6D2F616C736F2E7074');
CREATE TABLE records (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        device INTEGER,
        inode INTEGER,
        size INTEGER NOT NULL,
        mtime_ns INTEGER,
        ctime_ns INTEGER,
        engine TEXT NOT NULL,
        path BLOB NOT NULL,
        verdict TEXT NOT NULL,
        sha256 TEXT,
        body TEXT NOT NULL,
        reported INTEGER NOT NULL DEFAULT 0
    );
INSERT INTO "records" VALUES(1,1760000000.0,7,1,100,1,1,'0.0/0.1.12/0123456789ab',X'2F6D2F636C65616E2E7074','clean','abababababababababababababababababababababababababababababababab','{"path":"/m/clean.pt","name":null,"names":[],"size":100,"format":"pickle","verdict":"clean","reasons":[],"allowed":null,"findings":[],"pickles":0,"opcodes":0,"imports":[],"sha256":"abababababababababababababababababababababababababababababababab","duration_ms":0.0,"engine":{"picklewatch":"0.0","fickling":"0.1.12","rules":"0123456789ab"}}',1);
INSERT INTO "records" VALUES(2,1760000000.0,7,2,100,1,1,'0.0/0.1.12/0123456789ab',X'2F6D2F6261642E7074','malicious','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','{"path":"/m/bad.pt","name":null,"names":[],"size":100,"format":"pickle","verdict":"malicious","reasons":["unsafe-import"],"allowed":null,"findings":[{"rule":"unsafe-import","level":"malicious","where":"0x0","summary":"imports os.system","evidence":""}],"pickles":0,"opcodes":0,"imports":[],"sha256":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","duration_ms":0.0,"engine":{"picklewatch":"0.0","fickling":"0.1.12","rules":"0123456789ab"}}',0);
INSERT INTO "records" VALUES(3,1760000000.0,7,3,100,1,1,'0.0/0.1.12/0123456789ab',X'2F6D2F6D6F7665642E7074','unsafe','efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef','{"path":"/m/moved.pt","name":null,"names":[],"size":100,"format":"pickle","verdict":"unsafe","reasons":["unsafe-import"],"allowed":null,"findings":[{"rule":"unsafe-import","level":"unsafe","where":"0x0","summary":"imports os.system","evidence":""}],"pickles":0,"opcodes":0,"imports":[],"sha256":"efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef","duration_ms":0.0,"engine":{"picklewatch":"0.0","fickling":"0.1.12","rules":"0123456789ab"}}',0);
INSERT INTO "records" VALUES(4,1760000000.0,7,4,100,1,1,'0.0/0.1.12/0123456789ab',X'2F6D2F6B6570742E7074','unsafe','0101010101010101010101010101010101010101010101010101010101010101','{"path":"/m/kept.pt","name":null,"names":[],"size":100,"format":"pickle","verdict":"unsafe","reasons":["unsafe-import"],"allowed":null,"findings":[{"rule":"unsafe-import","level":"unsafe","where":"0x0","summary":"imports os.system","evidence":""}],"pickles":0,"opcodes":0,"imports":[],"sha256":"0101010101010101010101010101010101010101010101010101010101010101","duration_ms":0.0,"engine":{"picklewatch":"0.0","fickling":"0.1.12","rules":"0123456789ab"}}',0);
INSERT INTO "records" VALUES(5,1760000000.0,7,1,100,2,1,'0.0/0.1.12/0123456789ab',X'2F6D2F636C65616E2E7074','unverified','abababababababababababababababababababababababababababababababab','{"path":"/m/clean.pt","name":null,"names":[],"size":100,"format":"pickle","verdict":"unverified","reasons":["unsafe-import"],"allowed":null,"findings":[{"rule":"unsafe-import","level":"unverified","where":"0x0","summary":"imports os.system","evidence":""}],"pickles":0,"opcodes":0,"imports":[],"sha256":"abababababababababababababababababababababababababababababababab","duration_ms":0.0,"engine":{"picklewatch":"0.0","fickling":"0.1.12","rules":"0123456789ab"}}',0);
CREATE TABLE state (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "state" VALUES('policy','[[], []]');
CREATE INDEX jobs_order ON jobs (priority, rank DESC);
CREATE INDEX records_verdict ON records (verdict, id);
CREATE INDEX records_sha256 ON records (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX records_unreported ON records (id) WHERE reported = 0;
CREATE INDEX files_verdict ON files (verdict, allowed);
CREATE INDEX intents_open ON intents (id) WHERE state = 'wanted';
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
        INSERT INTO counts VALUES ('jobs', NEW.priority, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER jobs_gone AFTER DELETE ON jobs BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'jobs' AND kind = CAST(OLD.priority AS TEXT);
    END;
CREATE TRIGGER jobs_changed AFTER UPDATE OF priority ON jobs WHEN NEW.priority <> OLD.priority BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'jobs' AND kind = CAST(OLD.priority AS TEXT);
        INSERT INTO counts VALUES ('jobs', NEW.priority, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER records_added AFTER INSERT ON records BEGIN
        INSERT INTO counts VALUES ('records', NEW.verdict, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER records_gone AFTER DELETE ON records BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'records' AND kind = CAST(OLD.verdict AS TEXT);
    END;
CREATE TRIGGER records_changed AFTER UPDATE OF verdict ON records WHEN NEW.verdict <> OLD.verdict BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'records' AND kind = CAST(OLD.verdict AS TEXT);
        INSERT INTO counts VALUES ('records', NEW.verdict, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER files_added AFTER INSERT ON files BEGIN
        INSERT INTO counts VALUES ('files', NEW.verdict, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER files_gone AFTER DELETE ON files BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'files' AND kind = CAST(OLD.verdict AS TEXT);
    END;
CREATE TRIGGER files_changed AFTER UPDATE OF verdict ON files WHEN NEW.verdict <> OLD.verdict BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'files' AND kind = CAST(OLD.verdict AS TEXT);
        INSERT INTO counts VALUES ('files', NEW.verdict, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER intents_added AFTER INSERT ON intents BEGIN
        INSERT INTO counts VALUES ('intents', NEW.state, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER intents_gone AFTER DELETE ON intents BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'intents' AND kind = CAST(OLD.state AS TEXT);
    END;
CREATE TRIGGER intents_changed AFTER UPDATE OF state ON intents WHEN NEW.state <> OLD.state BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'intents' AND kind = CAST(OLD.state AS TEXT);
        INSERT INTO counts VALUES ('intents', NEW.state, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE INDEX intents_cause ON intents (cause) WHERE cause IS NOT NULL;
CREATE TRIGGER engines_added AFTER INSERT ON files BEGIN
        INSERT INTO counts VALUES ('engines', NEW.engine, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
CREATE TRIGGER engines_gone AFTER DELETE ON files BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'engines' AND kind = CAST(OLD.engine AS TEXT);
    END;
CREATE TRIGGER engines_changed AFTER UPDATE OF engine ON files WHEN NEW.engine <> OLD.engine BEGIN
        UPDATE counts SET number = number - 1 WHERE what = 'engines' AND kind = CAST(OLD.engine AS TEXT);
        INSERT INTO counts VALUES ('engines', NEW.engine, 1) ON CONFLICT (what, kind) DO UPDATE SET number = number + 1;
    END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('records',5);
COMMIT;
