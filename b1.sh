cd /tmp/u
chrt -i 0 g++ -std=c++20 -O1 -fPIC -march=x86-64-v3 -Wall -Wextra -Wshadow -Wno-missing-field-initializers -DFMT_SHARED -DSPDLOG_COMPILED_LIB -DSPDLOG_FMT_EXTERNAL -DSPDLOG_SHARED_LIB -DUTF8PROC_EXPORTS -I/tmp/snap/src -c core.cc -o core.o && echo CORE OK
