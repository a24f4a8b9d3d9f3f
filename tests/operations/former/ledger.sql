BEGIN TRANSACTION;
CREATE TABLE about (environment TEXT NOT NULL, created_at TEXT NOT NULL) STRICT;
INSERT INTO "about" VALUES('old','2026-11-26T07:42:31.290501Z');
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY CHECK (seq > 0), run TEXT NOT NULL, attempt INTEGER NOT NULL,
    at TEXT NOT NULL, event TEXT NOT NULL, task TEXT NOT NULL, step TEXT NOT NULL,
    target TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, fence INTEGER NOT NULL,
    body TEXT NOT NULL, prev TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "entries" VALUES(1,'few-20261126T0742Z',1,'2026-11-26T07:42:31.325153Z','run.opened','','','','eve','',1,'{"runbook":"few"}','0000000000000000000000000000000000000000000000000000000000000000','986ec2b38a90c9e24153367d4d74d7920d85ea9c0de51be7d7857d048913965b');
INSERT INTO "entries" VALUES(2,'few-20261126T0742Z',1,'2026-11-26T07:42:31.330340Z','attempt.started','','','','eve','',1,'{"declared":[["1.1","bind.gunicorn","repository","Bind"],["2.2","package_json.put_scripts","repository","Scripts"],["5.1","files.put","repository","File"],["5.2","files.put","repository","Readme"]],"inventory":"inventory/old.py","runbook_sha256":"d2a6db1a2029fd6f4221e0cebc3c379bda8323c202869df8114dee4f42ba5b62"}','986ec2b38a90c9e24153367d4d74d7920d85ea9c0de51be7d7857d048913965b','3d8314a6f8bb141936e849500d677a35e61619084357d9081f91dbcb4a3ecfcf');
INSERT INTO "entries" VALUES(3,'few-20261126T0742Z',1,'2026-11-26T07:42:32.773211Z','step.started','1.1','bind.gunicorn','repository','eve','',1,'{"arguments":{"path":"rotc_backend/gunicorn.conf.py","repository":{"branch":"main","path":"clone","remote":"origin"},"timeout_seconds":120,"workers":4},"before":"21a4447057750113e23237adee282477117d8c8c","digest":"910c27f726afc335b84d2860f82e13fb4f262e17d81d4ef088a6e5363a7dc717","idempotent":true,"settings":{"_shell_executable":"sh"}}','3d8314a6f8bb141936e849500d677a35e61619084357d9081f91dbcb4a3ecfcf','cad4e590110a85fcd7715b1dc065632a5b92ff92056359bf07e30614b4b9cdb2');
INSERT INTO "entries" VALUES(4,'few-20261126T0742Z',1,'2026-11-26T07:42:34.825300Z','step.changed','1.1','bind.gunicorn','repository','eve','',1,'{"after":"fc815f6dc4a1982f9d95363044b569d1b194d84a0158a13f174449328c61ea04","digest":"910c27f726afc335b84d2860f82e13fb4f262e17d81d4ef088a6e5363a7dc717","facts":{}}','cad4e590110a85fcd7715b1dc065632a5b92ff92056359bf07e30614b4b9cdb2','a395d89c7fc5fb8f00f8aa82d1322b89a1fbabe411172eacc907b42923317d51');
INSERT INTO "entries" VALUES(5,'few-20261126T0742Z',1,'2026-11-26T07:42:35.238308Z','step.started','2.2','package_json.put_scripts','repository','eve','',1,'{"arguments":{"path":"package.json","remove":["prebuild"],"repository":{"branch":"main","path":"clone","remote":"origin"},"scripts":{"build":"new","start":"go"}},"before":"a0b6446f1403ea19061d5a1755f5b32739b44b6c","digest":"7d7fde27e27a5254dc649312b0cc98a525a8349bb0ae471a00c6c9bf352eb65e","idempotent":true,"settings":{"_shell_executable":"sh"}}','a395d89c7fc5fb8f00f8aa82d1322b89a1fbabe411172eacc907b42923317d51','6029115af9edd1e9c04ff4e6d6f8c2fbac8036140cf7f6ae7d1cee81c47979bf');
INSERT INTO "entries" VALUES(6,'few-20261126T0742Z',1,'2026-11-26T07:42:36.120337Z','step.changed','2.2','package_json.put_scripts','repository','eve','',1,'{"after":"2892bdd6a645991f4a5e11912cd270a3ca55ead7687ea0d9d38149cfbfbad364","digest":"7d7fde27e27a5254dc649312b0cc98a525a8349bb0ae471a00c6c9bf352eb65e","facts":{}}','6029115af9edd1e9c04ff4e6d6f8c2fbac8036140cf7f6ae7d1cee81c47979bf','93d8995a86d020e7b64f35e457e06ab5a76ca0ee6dd5f1fb53853f85cae8f759');
INSERT INTO "entries" VALUES(7,'few-20261126T0742Z',1,'2026-11-26T07:42:36.356242Z','step.started','5.1','files.put','repository','eve','',1,'{"arguments":{"facts":{"x":"1"},"files":{"client/a.js":"files/a.js"},"repository":{"branch":"main","path":"clone","remote":"origin"}},"before":{"client/a.js":"3367afdbbf91e638efe983616377c60477cc6612"},"digest":"849d91f605c812bf4919b7cae71e95db87e01238ec29dca417636bb0121b42b5","idempotent":true,"settings":{"_shell_executable":"sh"}}','93d8995a86d020e7b64f35e457e06ab5a76ca0ee6dd5f1fb53853f85cae8f759','c134f4ac7f9cc0d500f24a2e54d8d53ffd30feec069648b26878d14979439b94');
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), fence INTEGER NOT NULL, machine TEXT NOT NULL,
    pid INTEGER NOT NULL, started TEXT NOT NULL, actor TEXT NOT NULL, heartbeat TEXT NOT NULL,
    held INTEGER NOT NULL
) STRICT;
INSERT INTO "lease" VALUES(1,1,'elsewhere/boot/-',12368,'1518455','eve','2026-11-26T07:42:31.319603Z',1);
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
PRAGMA user_version = 1;
COMMIT;
