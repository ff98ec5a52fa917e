// The commands that run the whole program; cli/ has the others.
#ifndef SOK_APP_COMMANDS_H
#define SOK_APP_COMMANDS_H

int sok_app_serve(int argc, char **argv);
int sok_app_worker(int argc, char **argv);
int sok_app_migrate(int argc, char **argv);
int sok_app_openapi(int argc, char **argv);

#endif
